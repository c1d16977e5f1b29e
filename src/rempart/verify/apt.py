"""Reading apt's and unattended-upgrades' answers (UP-1, UP-2)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from rempart.verify.machine import AnswerError

_SETTING = re.compile(r'(\S+) "(.*)";')
_SECURITY_UPDATE = re.compile(r"Inst (\S+) (?:\[\S+\] )?\((\S+) .*\bDebian-Security:")
_CLEAN = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ INFO No packages found that can be upgraded unattended"
)


def parse_dump(answer: str) -> dict[str, list[str]]:
    """Return the values by key of ``apt-config dump``; AnswerError when it is none."""
    settings: dict[str, list[str]] = {}
    for line in answer.splitlines():
        if match := _SETTING.fullmatch(line):
            settings.setdefault(match[1].removesuffix("::").lower(), []).append(match[2])
    if "apt::architecture" not in settings:
        raise AnswerError(f"apt-config dump: is no configuration (got {answer[:100]!r})")
    return settings


def origins(settings: dict[str, list[str]]) -> list[str]:
    """Return the origins from which updates install themselves, as they are written."""
    keys = ("unattended-upgrade::origins-pattern", "unattended-upgrade::allowed-origins")
    return [value for key in keys for value in settings.get(key, []) if value]


def is_debian_security(pattern: str) -> bool:
    """Return whether an Origins-Pattern holds for Debian's security updates alone.

    ``origin=Debian,codename=${distro_codename}-security,label=Debian-Security`` does; a pattern
    without origin and label, or in the older Allowed-Origins form, does not.
    """
    parts = dict(part.partition("=")[::2] for part in pattern.split(","))
    origin = parts.get("origin", parts.get("o"))
    label = parts.get("label", parts.get("l"))
    return (origin, label) == ("Debian", "Debian-Security")


def pending_security(answer: str) -> list[str]:
    """Return ``package version`` of the security updates that ``apt-get -s`` would install."""
    if not re.search(r"^\d+ upgraded, \d+ newly installed", answer, re.MULTILINE):
        raise AnswerError(f"apt-get -s: is no simulation (got {answer[-100:]!r})")
    matches = map(_SECURITY_UPDATE.match, answer.splitlines())
    return [f"{match[1]} {match[2]}" for match in matches if match]


def last_clean(log: str) -> datetime | None:
    """Return when unattended-upgrades last found nothing left to install (host's UTC clock)."""
    found = _CLEAN.findall(log)
    return datetime.fromisoformat(found[-1]).replace(tzinfo=UTC) if found else None


def valid_until(release: str) -> datetime:
    """Return until when a Release file may be believed: its own Valid-Until (Debian wiki,
    DebianRepository/Format); AnswerError when there is none."""
    match = re.search(r"^Valid-Until: (.+)$", release, re.MULTILINE)
    try:
        found = parsedate_to_datetime(match[1]) if match else None
    except ValueError:
        found = None
    if found is None:
        raise AnswerError("apt: the security list has no Valid-Until; run apt-get update there")
    return found if found.tzinfo else found.replace(tzinfo=UTC)
