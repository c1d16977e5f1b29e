"""A host's answer is bounded: endless, silent or mute, it becomes an error and never an answer."""

import pytest

from lab.requirements import program
from rempart.verify.machine import AnswerError, bounded


def test_both_streams_and_the_exit_status_come_back() -> None:
    command = [program("sh"), "-c", "echo out; echo err >&2; exit 3"]
    assert bounded(command, 100, 10) == (3, b"out\n", b"err\n")


@pytest.mark.parametrize("stream", ["1", "2"])
def test_endless_answer_is_cut(stream: str) -> None:
    with pytest.raises(AnswerError, match="more than 100000 bytes"):
        bounded([program("sh"), "-c", f"yes >&{stream}"], 100_000, 10)


@pytest.mark.parametrize("silence", ["sleep 60", "exec >&- 2>&-; sleep 60"])
def test_silence_ends(silence: str) -> None:
    with pytest.raises(AnswerError, match="within"):
        bounded([program("sh"), "-c", silence], 100, 0.3)
