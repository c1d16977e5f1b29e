"""Run on a host, as a user: what a running Firefox says of its policies, and what it opens.

`python3 - tick` first says `always open files like this` for .docm files. Prints one JSON object.
"""

import http.server
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

HOME = Path.home()
OPENER, OPENED, LOADED = HOME / "opener", HOME / "opened", HOME / "Downloads" / "letter.docm"
PORT = 2828

TICK = """
const kind = Cc["@mozilla.org/mime;1"].getService(Ci.nsIMIMEService)
    .getFromTypeAndExtension("application/vnd.ms-word.document.macroEnabled.12", "docm");
const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
file.initWithPath(arguments[0]);
const opener = Cc["@mozilla.org/uriloader/local-handler-app;1"]
    .createInstance(Ci.nsILocalHandlerApp);
opener.executable = file;
kind.preferredApplicationHandler = opener;
kind.preferredAction = Ci.nsIHandlerInfo.useHelperApp;
kind.alwaysAskBeforeHandling = false;
Cc["@mozilla.org/uriloader/handler-service;1"].getService(Ci.nsIHandlerService).store(kind);
"""
READ = """
return {policies: Services.policies.getActivePolicies() || {},
    remembers: Services.prefs.getBoolPref("signon.rememberSignons"),
    locked: Services.prefs.prefIsLocked("signon.rememberSignons"),
    sandbox: Services.sysinfo.get("hasUserNamespaces")};
"""


class Archive(http.server.BaseHTTPRequestHandler):
    """Serves letter.docm, which may hold a macro."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.ms-word.document.macroEnabled.12")
        self.send_header("Content-Disposition", "attachment; filename=letter.docm")
        self.end_headers()
        self.wfile.write(b"a letter")

    def log_message(self, *said: object) -> None:
        """Say nothing."""


class Marionette:
    """Mozilla's remote control: `LENGTH:[0, number, command, parameters]` and back."""

    def __init__(self) -> None:
        self.number = 0
        for _ in range(600):
            try:
                self.socket = socket.create_connection(("127.0.0.1", PORT))
                break
            except OSError:
                time.sleep(0.1)
        self.file = self.socket.makefile("rb")
        self._answer()

    def ask(self, command: str, **parameters: object) -> Any:
        self.number += 1
        message = json.dumps([0, self.number, command, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        return (self._answer()[3] or {}).get("value")

    def run(self, script: str, *arguments: object) -> Any:
        self.ask("Marionette:SetContext", value="chrome")
        return self.ask("WebDriver:ExecuteScript", script=script, args=list(arguments))

    def load(self, url: str) -> None:
        self.ask("Marionette:SetContext", value="content")
        self.ask("WebDriver:SetTimeouts", pageLoad=2000)
        self.ask("WebDriver:Navigate", url=url)  # a download is no page: it ends with the time

    def _answer(self) -> Any:
        length = b""
        while not length.endswith(b":"):
            length += self.file.read(1)
        return json.loads(self.file.read(int(length[:-1])))


def main() -> None:
    """Start the browser, ask it, let it load a file, and end it."""
    OPENER.write_text(f"#!/bin/sh\ntouch {OPENED}\n")
    OPENER.chmod(0o700)
    OPENED.unlink(missing_ok=True)
    LOADED.unlink(missing_ok=True)
    (HOME / "profile").mkdir(exist_ok=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Archive)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    options = ["--headless", "--marionette", "--remote-allow-system-access"]
    with subprocess.Popen(
        ["firefox-esr", *options, "--profile", HOME / "profile"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ):
        browser = Marionette()
        browser.ask("WebDriver:NewSession")
        if "tick" in sys.argv:
            browser.run(TICK, str(OPENER))
        said = browser.run(READ)
        browser.load(f"http://127.0.0.1:{server.server_address[1]}/letter.docm")
        time.sleep(4)
        browser.ask("Marionette:Quit", flags=["eForceQuit"])
    print(json.dumps(said | {"loaded": LOADED.exists(), "opened": OPENED.exists()}))


main()
