"""Run on a host, as a user: what chrome://policy of a running Chromium shows, as JSON."""

import json
import os
import subprocess
import time
from typing import Any

# The page is made of shadow trees; each policy is one row.
ROWS = """
(() => {
    const rows = [];
    const walk = (node) => {
        if (node.localName === "policy-row" && node.shadowRoot) {
            const read = (name) => node.shadowRoot.querySelector(name)?.textContent.trim();
            const shown = [".name", ".value", ".level", ".messages"].map(read);
            if (shown[1]) rows.push(shown);
        }
        if (node.shadowRoot) walk(node.shadowRoot);
        node.childNodes.forEach(walk);
    };
    walk(document.body);
    return rows;
})()
"""


class DevTools:
    """Chrome's remote control over a pipe: JSON that ends with a zero byte."""

    def __init__(self, write: int, read: int) -> None:
        self.write, self.read, self.number, self.rest = write, read, 0, b""

    def ask(self, method: str, session: str = "", **parameters: object) -> Any:
        self.number += 1
        message: dict[str, object] = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self._one())
            if answer.get("id") == self.number:
                return answer["result"]

    def _one(self) -> bytes:
        while b"\0" not in self.rest:
            chunk = os.read(self.read, 65536)
            if not chunk:
                raise EOFError("the browser has ended")
            self.rest += chunk
        one, _, self.rest = self.rest.partition(b"\0")
        return one


def main() -> None:
    """Start the browser, read the page, and end it."""
    (their_read, write), (read, their_write) = os.pipe(), os.pipe()
    os.set_inheritable(their_read, True)
    os.set_inheritable(their_write, True)
    # The browser has its ends at 3 and 4, whatever their numbers are here.
    shell = f"exec 3<&{their_read} 4>&{their_write}; exec chromium --headless --disable-gpu \
        --remote-debugging-pipe about:blank"
    with subprocess.Popen(
        ["bash", "-c", shell], pass_fds=(their_read, their_write), stderr=subprocess.DEVNULL
    ) as browser:
        tools = DevTools(write, read)
        target = tools.ask("Target.createTarget", url="chrome://policy")["targetId"]
        session = tools.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        rows: list[list[str]] = []
        for _ in range(60):
            time.sleep(0.5)
            evaluated = tools.ask("Runtime.evaluate", session, expression=ROWS, returnByValue=True)
            rows = evaluated["result"].get("value") or []
            if rows:
                break
        print(json.dumps(rows))
        browser.terminate()


main()
