from pathlib import Path

import pytest

from rempart.vault import Memory

from .cabinet import Cabinet, pem, technician
from .cabinet import cabinet as practice


@pytest.fixture
def durand(tmp_path: Path) -> Cabinet:
    return practice(tmp_path)


@pytest.fixture
def cabinet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cabinet:
    """A practice as the commands find it: keys in files, the memory in the state folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    made = Cabinet(tmp_path / "durand", Memory(tmp_path / "state/rempart/vaults"))
    made.write(technician("t.leroy"), technician("n.garnier"))
    for login in ("t.leroy", "n.garnier"):
        (tmp_path / login).write_bytes(pem(login))
    return made
