"""A practice of two real hosts and what is done with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess

import practice

from lab.host import Host


@dataclass
class Cabinet:
    """`t/a` is a Debian 12 workstation and the jump host of `t/b`, a Debian 13 one."""

    inventory: Path
    a: Host
    b: Host
    story: dict[str, CompletedProcess[str]] = field(default_factory=dict)
    """What `rempart` said on the way from stock to hardened, by step."""

    @property
    def hosts(self) -> dict[str, Host]:
        return {"a": self.a, "b": self.b}

    @property
    def plan_file(self) -> Path:
        return self.inventory.with_name("plan.json")

    def plan(self, *arguments: object) -> CompletedProcess[str]:
        return practice.rempart("plan", self.inventory, "-o", self.plan_file, *arguments)

    def apply(self, *arguments: object) -> CompletedProcess[str]:
        return practice.rempart("apply", self.plan_file, *arguments)
