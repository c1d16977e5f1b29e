"""The strict value types of a policy.

Promise: a value of these types carries nothing that a shell, sshd or nftables could read as more
than that value. Each type is a function that takes what YAML gave and returns the value or raises.
"""

from __future__ import annotations

import datetime
import re
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from rempart.policy.mistake import wrong

# Debian's base-passwd, plus the accounts that the packages rempart manages bring along. Groups too:
# useradd makes each person a group of the same name.
SYSTEM_NAMES = frozenset(
    """
    root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats
    nobody nogroup sshd ntp chrony clamav messagebus polkitd avahi colord geoclue gdm lightdm
    sudo adm staff users ssh tss uuidd usbmux rtkit saned dnsmasq postgres mysql restic
    tty disk kmem dialout fax voice cdrom floppy tape audio dip operator src shadow utmp video sasl
    plugdev input kvm render sgx netdev crontab lpadmin scanner bluetooth rempart-ssh
    """.split()  # noqa: SIM905  (a list of literals would take fifty lines)
)
LOGIN = re.compile(r"[a-z_][a-z0-9_.-]{0,31}")
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
NETWORK = re.compile(r"[0-9a-fA-F:.]+(/[0-9]{1,3})?")
CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
DURATION = re.compile(r"(?=.)([0-9]{1,3}y)?([0-9]{1,3}m)?([0-9]{1,4}d)?([0-9]{1,4}h)?")
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
PHONE = re.compile(r"\+?[0-9][0-9 .]{1,24}")
COUNTRY = re.compile(r"[A-Z]{2}")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FIRST_DAY, LAST_DAY = datetime.date(2000, 1, 1), datetime.date(2199, 12, 31)


def text(value: object) -> str:
    """Return printable text of 1 to 200 characters, without line breaks or control characters."""
    if not isinstance(value, str):
        raise wrong("must be text", "put it in quotes")
    if not value.strip():
        raise wrong("must not be empty", "fill it in or remove the key")
    if len(value) > 200:
        raise wrong("must be at most 200 characters", "shorten it")
    if not value.isprintable():
        raise wrong("must be one line of printable characters", "remove the others")
    return value


def full_name(value: object) -> str:
    """Return a person's name, as the first field of passwd(5)'s comment can hold it."""
    name = text(value)
    if {",", ":"} & set(name):
        raise wrong("must have neither ',' nor ':'", "write the first name, then the name")
    return name


def _matching(pattern: re.Pattern[str], value: object, message: str, hint: str) -> str:
    # `fullmatch`, because `$` would let a final line break through.
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise wrong(message, hint)
    return value


def login(value: object) -> str:
    """Return a login that useradd(8) and sshd take and that no system account bears."""
    hint = "write 1 to 32 of a-z 0-9 . _ -, a letter first"
    name = _matching(LOGIN, value, "must be a login", hint)
    if name in SYSTEM_NAMES or name.startswith(("_", "systemd-")):
        raise wrong("is the name of a system account", "choose another login")
    return name


def label(value: object) -> str:
    """Return a lower-case DNS label (RFC 1123, 2.1): it becomes a file, group and alias name."""
    hint = "write 1 to 63 of a-z 0-9 -, no - at the ends"
    return _matching(LABEL, value, "must be a name in lower case", hint)


def address(value: object) -> IPv4Address | IPv6Address:
    """Return an IP address of one host; no zone (``%eth0``), which may hold any character."""
    hint = "write for example 192.168.1.10 or fd00::10"
    written = _matching(NETWORK, value, "must be an IP address", hint)
    try:
        parsed = ip_address(written)
    except ValueError:
        raise wrong("must be an IP address", hint) from None
    if parsed.is_unspecified or parsed.is_multicast:
        raise wrong("must be the address of one host", hint)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        raise wrong("must be an IPv4 address in plain form", f"write {parsed.ipv4_mapped}")
    return parsed


def network(value: object) -> IPv4Network | IPv6Network:
    """Return an IP network with its host bits zero; an address alone means that host."""
    hint = "write for example 192.168.1.0/24 or fd00::/64"
    found = _matching(NETWORK, value, "must be an IP network", hint)
    try:
        loose = ip_network(found, strict=False)
    except ValueError:
        raise wrong("must be an IP network", hint) from None
    if ip_address(found.split("/")[0]) != loose.network_address:
        raise wrong("has host bits set", f"write {loose} for the network")
    return loose


def date(value: object) -> datetime.date:
    """Return a day between 2000 and 2199, from its ISO 8601 text."""
    hint = "write YYYY-MM-DD"
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            value = datetime.date.fromisoformat(value)
        except ValueError:
            raise wrong("must be a day that exists", hint) from None
    if not isinstance(value, datetime.date) or isinstance(value, datetime.datetime):
        raise wrong("must be a date", hint)
    if not FIRST_DAY <= value <= LAST_DAY:
        raise wrong("must be a date between 2000 and 2199", hint)
    return value


def clock(value: object) -> str:
    """Return a time of day in the host's time zone, ``HH:MM``."""
    return _matching(CLOCK, value, "must be a time of day", "write HH:MM, for example 12:30")


def duration(value: object) -> str:
    """Return a duration as restic's ``--keep-within`` reads it: years, months, days, hours."""
    hint = "write years, months, days, hours, for example 1y6m, 30d or 48h"
    return _matching(DURATION, value, "must be a duration", hint)


def absolute_path(value: object) -> PurePosixPath:
    """Return an absolute, normal path on a managed host: no ``..``, no control characters."""
    hint = "write for example /srv/documents"
    found = text(value)
    # `PurePosixPath` keeps '..', and a '//' in front, to which POSIX lets systems give a meaning.
    normal = str(PurePosixPath(found)) == found and ".." not in found.split("/")
    if not normal or not found.startswith("/") or found.startswith("//"):
        raise wrong("must be an absolute path without '..', '//' or a final '/'", hint)
    return PurePosixPath(found)


def word(value: object) -> str:
    """Return one word of a machine's own vocabulary (release, locale): it came from that host."""
    return _matching(WORD, value, "must be one word", "put it in quotes; use A-Z a-z 0-9 . _ @ + -")


def email(value: object) -> str:
    """Return a mail address in its plain form (no quoted local part)."""
    return _matching(EMAIL, value, "must be a mail address", "write for example a@cabinet.example")


def phone(value: object) -> str:
    """Return a telephone number as people write it."""
    hint = 'write it in quotes, for example "+33 1 23 45 67 89"'
    return _matching(PHONE, value, "must be a telephone number", hint)


def country(value: object) -> str:
    """Return a country code (ISO 3166-1 alpha-2)."""
    return _matching(COUNTRY, value, "must be a country code", "write two capitals, such as FR")


def uuid(value: object) -> str:
    """Return a UUID as blkid(8) shows that of a Linux file system; VFAT and NTFS have others."""
    hint = "write what blkid shows, for example 3255683f-53a2-4fdf-91cf-b4c1041e2a62"
    return _matching(UUID, value, "must be the UUID of a Linux file system", hint)


def _one_or_more(value: object) -> object:
    return value if isinstance(value, list | tuple) else (value,)


def _string(form: str | None = None, pattern: re.Pattern[str] | None = None) -> WithJsonSchema:
    schema: dict[str, str] = {"type": "string"}
    if form:
        schema["format"] = form
    if pattern:
        schema["pattern"] = f"^{pattern.pattern}$"
    return WithJsonSchema(schema)


IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

Text = Annotated[str, PlainValidator(text), _string()]
FullName = Annotated[str, PlainValidator(full_name), _string()]
Login = Annotated[str, PlainValidator(login), _string(pattern=LOGIN)]
Label = Annotated[str, PlainValidator(label), _string(pattern=LABEL)]
Address = Annotated[IPAddress, PlainValidator(address), _string(pattern=NETWORK)]
Network = Annotated[IPNetwork, PlainValidator(network), _string(pattern=NETWORK)]
# Not plain: pydantic would warn at each date that it writes as JSON.
Date = Annotated[datetime.date, BeforeValidator(date), _string("date")]
Clock = Annotated[str, PlainValidator(clock), _string(pattern=CLOCK)]
Duration = Annotated[str, PlainValidator(duration), _string(pattern=DURATION)]
AbsolutePath = Annotated[PurePosixPath, PlainValidator(absolute_path), _string()]
Word = Annotated[str, PlainValidator(word), _string(pattern=WORD)]
Email = Annotated[str, PlainValidator(email), _string("email")]
Phone = Annotated[str, PlainValidator(phone), _string(pattern=PHONE)]
Country = Annotated[str, PlainValidator(country), _string(pattern=COUNTRY)]
Uuid = Annotated[str, PlainValidator(uuid), _string(pattern=UUID)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
Days = Annotated[int, Field(strict=True, ge=1, le=3650)]
Addresses = Annotated[
    tuple[Address, ...],
    BeforeValidator(_one_or_more, json_schema_input_type=str | list[str]),
]
