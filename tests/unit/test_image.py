"""How a build of an image ends: a release is gone, something else is wrong, it was interrupted."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

import pytest

from lab import image
from lab.image import is_dropped

GONE = """\
I: running apt-get update...
Ign:1 http://deb.debian.org/debian bullseye InRelease
Ign:2 http://deb.debian.org/debian-security bullseye-security InRelease
Err:3 http://deb.debian.org/debian bullseye Release
  404  Not Found [IP: 203.0.113.80 80]
Get:4 http://deb.debian.org/debian-security bullseye-security InRelease [25.5 kB]
Reading package lists...
E: The repository 'http://deb.debian.org/debian bullseye Release' does not have a Release file.
E: apt-get update --error-on=any -oAPT::Status-Fd=<$fd> -oDpkg::Use-Pty=false failed
I: main() received signal PIPE: waiting for setup...
E: mmdebstrap failed to run
"""
REFUSED = """\
I: running apt-get update...
Ign:1 http://127.0.0.1:9/debian bookworm InRelease
Err:1 http://127.0.0.1:9/debian bookworm InRelease
  Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)
Reading package lists...
E: Failed to fetch http://127.0.0.1:9/debian/dists/bookworm/InRelease  Could not connect
E: Some index files failed to download. They have been ignored, or old ones used instead.
E: mmdebstrap failed to run
"""
UNKNOWN_PACKAGE = """\
I: running apt-get update...
I: downloading packages with apt...
E: Unable to locate package nosuchpackage
E: mmdebstrap failed to run
"""
PACKAGE_GONE = """\
Err:7 http://deb.debian.org/debian bullseye/main amd64 openssh-client amd64 1:8.4p1-5
  404  Not Found [IP: 203.0.113.80 80]
"""


def test_release_file_that_is_not_found_is_a_dropped_release() -> None:
    assert is_dropped(GONE)


@pytest.mark.parametrize(
    "said", [REFUSED, GONE + REFUSED, UNKNOWN_PACKAGE, PACKAGE_GONE, ""],
    ids=["no connection", "both", "no such package", "a package's 404", "nothing"],
)  # fmt: skip
def test_any_other_error_is_none(said: str) -> None:
    assert not is_dropped(said)


@pytest.mark.parametrize("name", [*image.RECIPES, *image.BOXES, *image.UNPACKED])
def test_hooks_of_every_image_are_programs(name: str) -> None:
    environment = image._environment(name)
    hooks = [word for word in image._command(name, Path("TARGET")) if "exec " in word]
    called = [re.findall(r'exec "\$(\w+)"', hook)[0] for hook in hooks]
    for variable in called:
        assert os.access(environment[variable], os.X_OK)
        assert Path(environment[variable]).is_file()


def test_drafts_are_removed_but_for_what_is_being_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(image, "IMAGES", tmp_path)
    for name in ("debian-12-0a1b.draft", "debian-12-ready-2c3d.draft"):
        (tmp_path / name).mkdir()
    with (tmp_path / "debian-12-ready.log").open("w") as building:
        fcntl.flock(building, fcntl.LOCK_EX)
        image.remove_drafts()
        assert [draft.name for draft in tmp_path.glob("*.draft")] == ["debian-12-ready-2c3d.draft"]
    image.remove_drafts()
    assert list(tmp_path.glob("*.draft")) == []
