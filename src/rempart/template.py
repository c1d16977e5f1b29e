"""Templates: the text of target files. They print; what they print is decided in ``hardening``."""

from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rempart.shipped import shipped


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(shipped("templates")),
        undefined=StrictUndefined,
        autoescape=False,  # the targets are configuration files, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(path: str, **values: object) -> str:
    """Return the text for the target path, from ``templates/<path>.j2``.

    Raises:
        jinja2.UndefinedError: the template wants a value that was not given.
    """
    return _environment().get_template(f"{path.lstrip('/')}.j2").render(**values)
