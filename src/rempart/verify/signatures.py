"""How old ClamAV's signatures are (UP-4)."""

from __future__ import annotations

from rempart.verify.machine import AnswerError

FOLDER = "/var/lib/clamav"

# The header of the daily database says when it was made; other files' times are all there is.
COMMAND = f"""
cd {FOLDER} 2> /dev/null || exit 0
for file in daily.c[lv]d; do
    [ ! -e "$file" ] || printf 'daily\\t%s\\n' "$(head -c 512 "$file" | tr -d '\\0\\n\\t')"
done
find . -maxdepth 1 -type f -name '*.?[ds]b' -printf 'other\\t%T@\\n'
"""


def made(answer: str) -> float | None:
    """Return when the newest signatures were made, in seconds of the epoch; None without any.

    >>> made("daily\\tClamAV-VDB:22 Nov 2026 07-30 +0000:27800:1:90:x:x:y:1795332600  \\n")
    1795332600.0

    Raises:
        AnswerError: a line that is no such answer.
    """
    found: dict[str, list[float]] = {"daily": [], "other": []}
    for line in answer.splitlines():
        kind, _, text = line.partition("\t")
        try:
            found[kind].append(float(text.rpartition(":")[2]))
        except (KeyError, ValueError):
            raise AnswerError(f"{FOLDER}: cannot be read (got {line[:60]!r})") from None
    return max(found["daily"] or found["other"], default=None)
