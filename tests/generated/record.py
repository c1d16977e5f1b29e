"""Records what real hosts answer, stock and hardened, for `test_answers.py` to mutate.

Do it again after a change of the probes: `PYTHONPATH=.:tests/lab .venv/bin/python
tests/generated/record.py`. The practice is kept beside the answers, with the lab's public keys.
"""

from __future__ import annotations

import lzma
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import practice

from lab.session import Session
from rempart.engine.observe import script
from rempart.engine.transport import connect
from rempart.hardening import desired
from rempart.policy import Policy, load

ANSWERS = Path(__file__).parent / "answers"
IMAGES = {"a": "debian-12", "b": "debian-13"}


def main() -> None:
    """Boot two hosts, ask them, harden them, ask them again."""
    with Session() as lab, tempfile.TemporaryDirectory() as folder:
        hosts = {name: lab.fresh_host(image) for name, image in IMAGES.items()}
        try:
            services = [{"name": "http", "ports": [80], "from": ["10.77.0.0/24"]}]
            people = [practice.MARIE]
            inventory = practice.enrolled(
                Path(folder), hosts, people=people, services=services,
                accounts={**practice.INSTALLERS, "unknown": "lock"},
            )  # fmt: skip
            practice.edit(inventory, lambda data: data.update(baseline="enhanced"))
            policy = load(inventory)
            record(policy, "stock")
            done = practice.rempart("apply", inventory, "--yes")
            assert done.returncode == 0, done.stdout + done.stderr
            record(policy, "hardened")
            keep_policy(policy, inventory)
        finally:
            for host in hosts.values():
                host.remove()


def record(policy: Policy, state: str) -> None:
    """Keep each host's answer to the question of a plan, byte for byte."""
    for host in policy.hosts:
        assert host.traits
        question = script(desired(policy, host, host.traits, date.today()))
        with connect(policy.route(host)) as connection:
            answer = connection.run("env LC_ALL=C sudo -n sh -s", question.encode()).stdout
        (ANSWERS / f"{host.name}-{state}.xz").write_bytes(lzma.compress(answer))


def keep_policy(policy: Policy, inventory: Path) -> None:
    """Keep the practice's files, with the keys themselves in place of key files."""

    def inlined(data: Any) -> None:
        people = [*data.get("people", []), *data.get("technicians", [])]
        for person in people:
            for key in person["keys"]:
                key["key"] = Path(key.pop("file")).read_text().strip()
        if "automation" in data:
            data["automation"] |= {"key": "/k", "public_key": policy.provider.automation.public_key}

    for file in (inventory, inventory.with_name("provider.yaml")):
        practice.edit(file, inlined)
        (ANSWERS / file.name).write_bytes(file.read_bytes())


if __name__ == "__main__":
    main()
