"""Release: what rempart knows about a host while it leaves it, and when it may not."""

from __future__ import annotations

from collections.abc import Sequence

from pyinfra.api import StringCommand

from rempart.engine.observe import Answer, question
from rempart.engine.remote import shell
from rempart.engine.run import Run, unconfirmed, unobserved
from rempart.hardening.ssh import DROP_IN
from rempart.release import leave
from rempart.release.leave import Leaver
from rempart.release.ways import ways_in
from rempart.resources import Change, File, Observation, Resource
from rempart.resources.base import call


class Release(Run):
    """A run that wants nothing any more of its host."""

    keeps_hardening = False
    switched = False
    """The guarded part is done: what is seen from here on decides whether we may go."""

    @property
    def desired(self) -> Sequence[Resource]:
        """Return that nothing is wanted."""
        return ()

    @property
    def phase(self) -> str:
        """Return which observation counts now."""
        return "after guard" if self.switched else super().phase

    @property
    def leaver(self) -> Leaver:
        """Return whose account goes last."""
        return Leaver(self.policy.provider.automation.user, self.lock.owner)

    def question(self) -> StringCommand:
        """Return the one command that observes the host, what is owned and who else gets in."""
        drop_in = "" if self.keeps_hardening else DROP_IN
        probe = call("probe_leaving", drop_in, self.leaver.user)
        return question((), shell("leaving") + File.probe([]) + "probe_units\n" + probe)

    def _accepted(self, seen: Observation) -> Answer:
        """Refuse a host that nobody could look after once rempart has left."""
        reasons = unconfirmed(seen)
        if not reasons and not self.ways_in(seen):
            reasons = [
                "nobody could get in any more: no administrator would be left who has a password;"
                " give root or a member of group sudo one there (passwd), then release again"
            ]
        self._changes[self.phase] = self._leaving(seen)
        return unobserved(reasons) if reasons else seen

    def ways_in(self, seen: Observation) -> dict[str, list[str]]:
        """Return who stays and how they get in, see ``rempart.release.ways``."""
        if self.keeps_hardening:
            return ways_in(seen, (), {})
        owned = leave.given_up(seen, self.leaver)
        return ways_in(seen, leave.accounts_gone(owned), leave.groups_after(owned, seen))

    @property
    def changes(self) -> list[Change]:
        """Return what is to do to leave, in order."""
        if self.phase not in self._changes:
            self._changes[self.phase] = self._leaving(self.observation)
        return self._changes[self.phase]

    def _leaving(self, seen: Observation) -> list[Change]:
        return leave.restoring(seen, self.leaver)

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a person should know before he says yes."""
        ways = self.ways_in(self.observation)
        inside = [f"{login} ({', '.join(how)})" for login, how in sorted(ways.items())]
        notes = [f"who can still get in and become root: {'; '.join(inside)}"]
        if not any(way != "on the console" for how in ways.values() for way in how):
            notes.append("NOBODY of them gets in over SSH: from then on only the console is left")
        stays = [] if self.keeps_hardening else leave.not_put_back(self.observation)
        return (*notes, *(f"{path}: stays; its original is given up" for path in stays))


class Handover(Release):
    """A release that leaves the hardening as it is and takes only rempart's own traces away."""

    keeps_hardening = True

    def _leaving(self, seen: Observation) -> list[Change]:
        return leave.handing_over(self.leaver)
