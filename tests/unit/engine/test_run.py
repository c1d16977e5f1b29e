"""What an observation says of a guard, as people read it."""

from __future__ import annotations

from rempart.engine.run import left_as_it_is, unconfirmed
from rempart.resources import Observation


def test_what_a_revert_left_is_told_for_good_and_in_the_refusal() -> None:
    left = {
        "1": ("/etc/x: was not there before",),
        "2": ("\x1b[31mred",),
        "3": (),
        "4": ("x" * 999,),
    }
    notes = left_as_it_is(Observation({"left": left}))
    assert len(notes) == 4
    assert "left something behind: /etc/x: was not there before (told until" in notes[0]
    assert "\x1b" not in notes[1]
    assert all(len(note) < 500 for note in notes)
    assert left_as_it_is(Observation({})) == ()

    guard = {"reverting": ("t.leroy@poste", "gone")}
    (reason,) = unconfirmed(Observation({"guard": guard, "left": {"1": left["1"]}}))
    assert reason == (
        "a change by t.leroy@poste is not confirmed yet, its guard is reverting"
        " (/etc/x: was not there before); the next boot goes on with it, or, as root there:"
        " sh /var/lib/rempart/guard/revert now"
    )
