"""Reading a recovery kit as a browser shows it."""

from __future__ import annotations

from html.parser import HTMLParser


class Pages(HTMLParser):
    """The commands of a kit, as a browser shows them, and its elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.commands: list[str] = []
        self.elements: set[str] = set()
        self.sources: list[str] = []
        self._in_pre = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self._in_pre = tag == "pre"
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag == "pre":
            self.commands.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_pre = False

    def handle_data(self, data: str) -> None:
        if self._in_pre:
            self.commands[-1] += data
