"""`rempart` as an older version may have been: it owned one more object of each kind."""

from __future__ import annotations

from datetime import date

from rempart import cli, hardening
from rempart.policy import Host, Policy, Traits
from rempart.resources import Directory, File, Group, Package, Resource, Setting, Sysctl, Unit, User

UNIT = "rempart-older.service"
UNIT_TEXT = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
GROUP = "older-group"
LOGIN = "o.lder"


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> list[Resource]:
    """Return what later versions no longer want."""
    if host.name != "a":
        return []
    return [
        Package(concern="older", package="tree"),
        Group(concern="older", risky=True, group=GROUP),
        User(concern="older", risky=True, login=LOGIN, comment="Older", groups=(GROUP,)),
        Directory(concern="older", path="/etc/older"),
        File(concern="older", path="/etc/older/new.conf", content="new\n"),
        File(concern="older", path="/etc/issue.net", content="Entrée interdite\n", mode="0600"),
        File(concern="older", path="/etc/older-link", content="a file now\n"),
        File(concern="older", path=f"/etc/systemd/system/{UNIT}", content=UNIT_TEXT),
        Unit(concern="older", unit=UNIT, enabled=True, running=True),
        Unit(concern="older", unit="dpkg-db-backup.timer", enabled=False, running=False),
        Setting(concern="older", path="/etc/login.defs", setting="UMASK", value="077"),
        Setting(concern="older", path="/etc/login.defs", setting="FAIL_DELAY", value="3"),
        Sysctl(concern="older", setting="net.ipv4.conf.all.log_martians", value="1"),
    ]


if __name__ == "__main__":
    hardening.CONCERNS["older"] = desired
    cli.main()
