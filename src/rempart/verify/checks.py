"""What the shipped suite checks, read from its sources without running anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from rempart.controls import CONTROLS


@cache
def checks() -> dict[str, list[str]]:
    """Return what is proven of each control that has a check, in the order of `CONTROLS`.

    ``{"SE-1": ["A login shell ends when nobody types, and cannot be told not to"], …}``
    """
    found: dict[str, list[str]] = {control: [] for control in CONTROLS}
    folder = files("rempart.verify").joinpath("suite")
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.startswith("test_"):
            for control, title in _checks(ast.parse(file.read_text(encoding="utf-8"))):
                found[control].append(title)
    return {control: titles for control, titles in found.items() if titles}


def _checks(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield (control, first line of the docstring) of all tests of a module."""
    shared = [
        word for node in module.body if isinstance(node, ast.Assign) for word in _marked(node)
    ]
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            title = (ast.get_docstring(node) or node.name).splitlines()[0].rstrip(".")
            for control in (*shared, *(w for each in node.decorator_list for w in _marked(each))):
                yield control, title


def _marked(tree: ast.AST) -> list[str]:
    return [
        ast.literal_eval(word)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.control"
        for word in node.args
    ]
