"""Rempart as wheels, each in an environment of its own: the present one, or one as it once was.

Nothing is downloaded: the environments see the packages of the one that the tests run in.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHIPPED = ("src", "templates", "deploys", "pyproject.toml", "README.md", "LICENSE")


def install(folder: Path, change: Callable[[Path], None]) -> Path:
    """Build the sources, changed, as a wheel; return the folder of its environment's programs."""
    sources = folder / "sources"
    sources.mkdir(parents=True)
    for name in SHIPPED:
        if (ROOT / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, sources / name, ignore=ignore)
        else:
            shutil.copy(ROOT / name, sources / name)
    change(sources)
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, sources)
    (wheel,) = folder.glob("rempart-*.whl")
    environment = folder / "venv"
    _run(sys.executable, "-m", "venv", "--without-pip", environment)
    site = next((environment / "lib").glob("python*/site-packages"))
    pip = [sys.executable, "-m", "pip", "--python", environment / "bin" / "python"]
    _run(*pip, "install", "-q", "--no-deps", "--no-index", wheel)
    # Read after the environment's own packages, so our own rempart does not count.
    (site / "tests.pth").write_text(sysconfig.get_path("purelib"))
    return environment / "bin"


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
