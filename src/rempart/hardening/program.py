"""Programs of ours that machines keep: a folder of Python modules, and scripts that start them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import rempart.backup
from rempart.resources import Directory, File, Resource

START = """\
# Starts {name}/{module}.py.
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, "{folder}")
from {name}.{module} import main

sys.exit(main())
"""


def program(folder: str, name: str, scripts: Mapping[str, str], **common: Any) -> list[Resource]:
    """Return ``rempart.backup.NAME`` below a folder, and beside it the scripts that start modules.

    ``scripts`` are modules by the script that calls their ``main``.
    """
    package = files(rempart.backup).joinpath(name)
    modules = {
        each.name: each.read_text(encoding="utf-8") for each in package.iterdir() if each.is_file()
    }
    contents = {f"{folder}/{name}/{module}": text for module, text in sorted(modules.items())}
    for script, module in scripts.items():
        contents[f"{folder}/{script}"] = START.format(name=name, module=module, folder=folder)
    return [
        Directory(**common, path=f"{folder}/{name}"),
        *(File(**common, path=path, content=text) for path, text in contents.items()),
    ]
