from pathlib import Path

import pytest

from .cabinet import Cabinet, cabinet


@pytest.fixture
def durand(tmp_path: Path) -> Cabinet:
    return cabinet(tmp_path)
