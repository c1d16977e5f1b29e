"""The manifest: claims stay, originals are the first ones, orphans go in their order."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from rempart.engine import manifest
from rempart.engine.diff import diff
from rempart.resources import Directory, File, Observation, Resource, Unit

UNIT_FILE = "/etc/systemd/system/old.service"
NEW: list[Resource] = [File(concern="x", path="/etc/new", content="new\n")]
OLD: list[Resource] = [
    Directory(concern="x", path="/etc/old"),
    Directory(concern="x", path="/etc/old/deeper"),
    File(concern="x", path="/etc/old/f", content="old\n", reloads=("ssh.service",)),
    File(concern="x", path=UNIT_FILE, content="[Service]\n"),
    Unit(concern="x", unit="old.service", enabled=True, running=True),
]


def observed(owned: manifest.Manifest, **facts: dict[str, tuple[str, ...]]) -> Observation:
    encoded = base64.b64encode(manifest.render(owned).encode()).decode()
    return Observation({**facts, "manifest": {"json": (encoded,)}})


def as_wanted(resource: File) -> dict[str, dict[str, tuple[str, ...]]]:
    return {
        "file": {resource.path: ("81a4", "root", "root", "1")},
        "same": {resource.path: ()},
    }


def test_manifest_comes_back_from_the_host_as_it_was_written() -> None:
    owned = manifest.claimed({}, [*OLD, *NEW], Observation({}))
    assert manifest.load(observed(owned)) == owned


def test_original_is_the_one_of_the_first_claim() -> None:
    before = Observation({"file": {"/etc/new": ("81a4", "root", "root", "3")}})
    first = manifest.claimed({}, NEW, before)
    second = manifest.claimed(first, NEW, Observation({}))
    assert second["file:/etc/new"].original == ("81a4", "root", "root", "3")


def test_version_that_wrote_an_object_first_is_kept() -> None:
    owned = {key: replace(o, version="0.0.1") for key, o in
             manifest.claimed({}, NEW, Observation({})).items()}  # fmt: skip
    assert manifest.claimed(owned, NEW, Observation({}))["file:/etc/new"].version == "0.0.1"


def test_claims_keep_what_is_not_wanted_until_it_is_given_up() -> None:
    owned = manifest.claimed({}, OLD, Observation({}))
    claims = manifest.claimed(owned, NEW, Observation({}))
    assert claims.keys() == {r.id for r in [*OLD, *NEW]}
    assert manifest.settled(claims, NEW).keys() == {"file:/etc/new"}


def test_orphans_go_units_first_and_folders_last() -> None:
    seen = observed(manifest.claimed({}, OLD, Observation({})))
    assert [change.id for change in diff([], seen)] == [
        "unit:old.service",
        f"file:{UNIT_FILE}",
        "file:/etc/old/f",
        "directory:/etc/old/deeper",
        "directory:/etc/old",
    ]


def test_orphan_that_a_daemon_had_read_is_followed_by_a_reload() -> None:
    ssh = Unit(concern="x", unit="ssh.service")
    seen = observed(manifest.claimed({}, [*OLD, ssh], Observation({})))
    changes = diff([ssh], seen)
    assert changes[-1].label == "Reload ssh.service"
    assert changes[-1].diff == ("~ Give up /etc/old/f",)


def test_original_does_not_come_back_into_an_exclusive_folder() -> None:
    key = File(concern="x", path="/etc/keys/leaver", content="key\n")
    before = Observation({"file": {key.path: ("81a4", "root", "root", "3")}})
    seen = observed(manifest.claimed({}, [key], before))
    folder = Directory(concern="x", path="/etc/keys", only=())
    (release,) = (c for c in diff([folder], seen) if c.action == "release")
    assert "restore_file" not in release.script
    assert "remove_file /etc/keys/leaver" in release.script


def test_daemon_that_is_not_wanted_itself_reads_that_its_last_file_is_gone() -> None:
    ssh = Unit(concern="x", unit="ssh.service", risky=True)
    before = Observation({"unit": {"ssh.service": ("loaded", "active", "enabled")}})
    seen = observed(manifest.claimed({}, [*OLD, ssh], before))
    changes = {change.label: change for change in diff([], seen)}
    assert changes["Reload ssh.service"].risky
    assert changes["Give up ssh.service"].script == ""
    assert "Reload old.service" not in changes


@pytest.mark.parametrize("for_good", [False, True])
def test_bytes_of_a_secret_file_that_is_given_up_are_not_shown(for_good: bool) -> None:
    secret = File(concern="x", path="/etc/secret", content="new\n", mode="0600", secret=True)
    before = Observation({"file": {secret.path: ("81a4", "root", "root", "3")}})
    owned = manifest.claimed({}, [secret], before)
    # A host sends none; an older rempart's probe, or a hostile host, would.
    bytes_of_it = base64.b64encode(b"hunter2\n").decode()
    seen = observed(owned, bytes={secret.path: (bytes_of_it,)})
    (change,) = manifest.farewell(owned, seen) if for_good else manifest.releases(owned, [], seen)
    assert change.diff == ("<secret>", "+ the original, kept on the host")


@pytest.mark.parametrize("version", ["999.0", "0.999.1", "999.0.0.dev1"])
def test_manifest_of_a_newer_rempart_is_refused_by_name(version: str) -> None:
    text = manifest.render({}).replace(
        f'"rempart": "{manifest.__version__}"', f'"rempart": "{version}"'
    )
    seen = Observation({"manifest": {"json": (base64.b64encode(text.encode()).decode(),)}})
    with pytest.raises(manifest.NewerError, match=f"got {version}.*install that version"):
        manifest.load(seen)


def test_host_as_wanted_whose_manifest_says_otherwise_has_one_change() -> None:
    (new,) = NEW
    assert isinstance(new, File)
    seen = observed({}, **as_wanted(new))
    (change,) = diff(NEW, seen)
    assert (change.label, change.diff) == ("Record what rempart owns", ("~ file:/etc/new",))
    owned = manifest.claimed({}, NEW, seen)
    assert diff(NEW, observed(owned, **as_wanted(new))) == []


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("concern", "\x9b31m"),
        ("concern", "\ud800"),
        ("version", "a\nb"),
        ("reloads", ["\ud800"]),
        ("original", ["\ud800"]),
        ("original", ["a\0b"]),
    ],
)
def test_text_that_cannot_be_shown_or_sent_is_no_manifest(what: str, value: object) -> None:
    document = json.loads(manifest.render(manifest.claimed({}, OLD, Observation({}))))
    document["objects"]["file:/etc/old/f"][what] = value
    encoded = base64.b64encode(json.dumps(document).encode()).decode()
    with pytest.raises(ValueError, match="manifest is damaged"):
        manifest.load(Observation({"manifest": {"json": (encoded,)}}))
