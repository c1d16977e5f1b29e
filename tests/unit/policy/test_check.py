"""`rempart check` and `rempart schema`: what an operator and an editor see."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from pydantic.fields import FieldInfo
from typer.testing import CliRunner

from rempart.cli.check import check, schema
from rempart.policy import schema as schema_of
from rempart.policy.base import Model
from rempart.policy.model import Policy
from rempart.policy.provider import Provider

from .conftest import PRACTICE

EXAMPLE = Path(__file__).parents[3] / "inventories" / "example.yaml"

app = typer.Typer()
app.command()(check)
app.command()(schema)


def _run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_example_has_no_mistakes() -> None:
    result = _run("check", EXAMPLE)
    assert result.exit_code == 0
    assert result.stdout == f"{EXAMPLE}: 4 hosts, 5 people: no mistakes\n"


def test_the_example_writes_every_section() -> None:
    assert set(schema_of()["properties"]) == set(_top_keys(EXAMPLE))
    assert set(schema_of(provider=True)["properties"]) == set(
        _top_keys(EXAMPLE.with_name("provider.yaml"))
    )


def _top_keys(path: Path) -> Iterator[str]:
    for line in path.read_text().splitlines():
        if line[:1].isalpha():
            yield line.partition(":")[0]


def test_mistakes_give_exit_code_1_and_one_line_each(practice: Path) -> None:
    practice.write_text(PRACTICE.replace("role: workstation", "role: printer"))
    result = _run("check", practice, EXAMPLE)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"{practice}:14: hosts[0].role: is not known (got 'printer');"
        " write one of sftp_server, workstation"
    ]
    assert result.stdout == f"{EXAMPLE}: 4 hosts, 5 people: no mistakes\n"


def test_json_has_the_parts_of_each_mistake(practice: Path) -> None:
    practice.write_text(PRACTICE.replace("role: workstation", "role: printer"))
    result = _run("check", "--json", practice)
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "ok": False,
        "mistakes": [
            {
                "file": str(practice),
                "line": 14,
                "path": "hosts[0].role",
                "message": "is not known",
                "value": "'printer'",
                "hint": "write one of sftp_server, workstation",
            }
        ],
    }


def test_two_practices_of_one_name_are_a_mistake(practice: Path) -> None:
    copy = practice.with_name("copy.yaml")
    copy.write_text(PRACTICE)
    result = _run("check", practice, copy)
    assert result.exit_code == 1
    assert f"{copy}:2: practice.name: is also the name of the practice in {practice}" in (
        result.stderr
    )


def test_the_schema_allows_what_people_write() -> None:
    printed = json.loads(_run("schema").stdout)
    assert printed == schema_of()
    assert printed["properties"]["provider"]["type"] == "string"
    assert printed["$defs"]["AuthorizedKey"]["oneOf"] == [
        {"required": ["key"]},
        {"required": ["file"]},
    ]
    service = printed["$defs"]["Service"]
    assert service["required"] == ["name", "hosts", "from"]
    assert service["if"] == {"properties": {"name": {"const": "mdns"}}}
    assert service["else"] == {"required": ["ports"]}
    assert "from" in printed["$defs"]["Person"]["properties"]
    assert "null" not in json.dumps(printed)


def _fields(model: type[Model]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        yield f"{model.__name__}.{name}", field
        for part in _models(field.annotation):
            yield from _fields(part)


def _models(annotation: Any) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


FIELDS = dict([*_fields(Policy), *_fields(Provider)])


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_has_a_description_and_an_example(name: str) -> None:
    assert (FIELDS[name].description or "").endswith(".")
    assert FIELDS[name].examples
