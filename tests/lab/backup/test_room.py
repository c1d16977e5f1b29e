"""A host that brings more than its share stops, and it alone; what it had brought comes back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from copies import CURL, PATIENTS, Cabinet

from lab import place

KEY = ("--identity", place.KEYS / "t.leroy")
REPOSITORY = "/srv/copies/desk"
SHARED = """export OPTIONS="-oControlMaster=auto -oControlPath=/root/m -oControlPersist=9" """
FLOODS = {
    "bytes": """
        head -c 40000000 /dev/urandom > /root/junk
        restic $repo --limit-upload 6000 backup /root/junk
    """,
    "files": """
        seq 10000 10700 | xargs -P 3 -n 30 sh -c 'for n in "$@"; do
            curl -s -o /dev/null --http2-prior-knowledge --unix-socket /root/socket \\
                -d "" http://x/locks/$(printf %064d $n)
        done' sh
    """,
}
"""What the attacker brings: more than a sixth of a disk of 128 MB with 2600 files."""


@pytest.fixture
def flooded(cabinet: Cabinet, request: pytest.FixtureRequest) -> Iterator[Cabinet]:
    """Somebody who is root on the desk brings junk until nothing is taken any more."""
    cabinet.done("backup", "run", cabinet.inventory)
    before = cabinet.hosts["far"].run(f"cd {REPOSITORY} && find . -type f").stdout.split()
    script = f"{SHARED}; TARGET=loin{CURL}{FLOODS[request.param]}"
    cabinet.hosts["desk"].run(script, check=False, timeout_s=400)
    yield cabinet
    kept = " ".join(before)
    cabinet.hosts["far"].run(
        f"cd {REPOSITORY} && mkdir /srv/copies/kept && cp -a --parents {kept} /srv/copies/kept/"
        " && find . -type f -delete && cp -a /srv/copies/kept/. . && rm -r /srv/copies/kept"
        " && rm -f /var/lib/rempart-ingest/desk--loin.* && systemctl start rempart-ledger"
    )


@pytest.mark.parametrize("flooded", FLOODS, indirect=True)
def test_flood_stops_its_host_alone(flooded: Cabinet) -> None:
    rows = flooded.status("loin")
    assert rows["t/desk"]["outcome"] == "full", rows
    assert "hosts bring nothing more" in rows["t/desk"]["detail"]
    assert rows["t/chair"]["outcome"] == "fresh", rows
    refused = flooded.backup("run", "desk", "--target", "loin")
    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert "closed: its quota is used up" in refused.stdout
    done = flooded.backup("run", "chair", "--target", "loin")
    assert done.returncode == 0, done.stdout + done.stderr
    back = flooded.backup(
        "restore", "desk", f"{PATIENTS}/registre", "--into", "/root/full", "--target", "loin", *KEY
    )
    assert back.returncode == 0, back.stdout + back.stderr
    flooded.hosts["desk"].run(f"cmp {PATIENTS}/registre /root/full{PATIENTS}/registre")


def test_repository_opens_again_once_there_is_room(cabinet: Cabinet) -> None:
    assert cabinet.status("loin")["t/desk"]["outcome"] == "fresh"
    done = cabinet.backup("run", "desk", "--target", "loin")
    assert done.returncode == 0, done.stdout + done.stderr
