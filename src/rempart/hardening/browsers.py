"""Browsers: managed policies of Firefox and Chromium, which no user can change (PW-3, AV-2).

No password is kept, no file with a program in it opens by itself, warnings hold. Web software,
PDF, printing and downloads go on as before. Without the browser the files are harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from rempart.policy import Host, Policy, Traits
from rempart.resources import Directory, File, Resource
from rempart.template import render

CONTROLS = ("AV-2", "PW-3", "UP-4")

FIREFOX = "/etc/firefox/policies/policies.json"
"""Where Debian's firefox-esr looks before the folder of the program itself."""

CHROMIUM = "/etc/chromium/policies/managed/rempart.json"
"""One file of several: Chromium reads all of the folder."""

FOLDERS = (
    *("/etc/firefox", "/etc/firefox/policies"),
    *("/etc/chromium", "/etc/chromium/policies", "/etc/chromium/policies/managed"),
)

CARRIERS = ("deb", "docm", "dotm", "img", "iso", "pptm", "xlsm", "xltm")
"""Files with programs in them. Firefox opens them by itself once somebody has ticked `always open
files like this`; plain programs it never does (tried with ESR 153), and Chromium neither. `jnlp`
is left out: practice software is started with it."""

_SAFE_BROWSING = ("malware", "phishing", "downloads")

FIREFOX_POLICIES: Mapping[str, Any] = {
    # Not InvalidCertificate: those of the practice's own devices stay usable.
    "DisableSecurityBypass": {"SafeBrowsing": True},
    "ExtensionUpdate": True,
    "Handlers": {"extensions": {each: {"action": "saveToDisk", "ask": False} for each in CARRIERS}},
    # All three set the same preference; of two that differ it is not said which one holds.
    "OfferToSaveLogins": False,
    "PasswordManagerEnabled": False,
    "Preferences": {
        "signon.rememberSignons": {"Value": False, "Status": "locked"},
        **{
            f"browser.safebrowsing.{each}.enabled": {"Value": True, "Status": "locked"}
            for each in _SAFE_BROWSING
        },
    },
}
"""https://mozilla.github.io/policy-templates, read for Firefox ESR 153."""

CHROMIUM_POLICIES: Mapping[str, Any] = {
    "AutoOpenFileTypes": [],
    "ComponentUpdatesEnabled": True,
    "DisableSafeBrowsingProceedAnyway": True,
    "DownloadRestrictions": 4,  # malicious ones alone: programs of practices are rare downloads
    "PasswordManagerEnabled": False,
    "SafeBrowsingProtectionLevel": 1,  # 2 would send more to Google
}
"""https://chromeenterprise.google/policies, read for Chromium 156."""


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return both browsers' policies, on workstations."""
    if host.role != "workstation":
        return []
    common: dict[str, Any] = {"concern": "browsers", "controls": CONTROLS}
    policies = {
        FIREFOX: {"policies": merged(policy.browsers.firefox, FIREFOX_POLICIES)},
        CHROMIUM: CHROMIUM_POLICIES,
    }
    return [
        *(Directory(**common, path=folder) for folder in FOLDERS),
        *(
            File(**common, path=path, content=render(path, policies=values))
            for path, values in policies.items()
        ),
    ]


def merged(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """Return both, ours where they differ.

    >>> merged({"A": {"b": 1, "c": 2}, "D": 3}, {"A": {"b": 9}})
    {'A': {'b': 9, 'c': 2}, 'D': 3}
    """
    found = {**theirs, **ours}
    for key in theirs.keys() & ours.keys():
        if isinstance(theirs[key], Mapping) and isinstance(ours[key], Mapping):
            found[key] = merged(theirs[key], ours[key])
    return found
