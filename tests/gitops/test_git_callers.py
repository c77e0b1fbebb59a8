"""Who asks for a repository: the token of either scheme, and the address behind the proxy."""

from __future__ import annotations

import base64
from ipaddress import ip_network

import pytest
from pytest_django import Settings

from gitops import githttp

BASIC = base64.b64encode(b"dana:slp_secret").decode()


@pytest.mark.parametrize("header", ["Bearer slp_secret", f"Basic {BASIC}", f"basic {BASIC}"])
def test_git_hears_who_asks_from_the_proxy(
    header: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    heard: list[tuple[str, str | None]] = []
    monkeypatch.setattr(
        githttp.tokens, "authenticate", lambda text, address: heard.append((text, address))
    )
    scope = {
        "path": "/git/orders.git/info/refs",
        "query_string": b"service=git-upload-pack",
        "method": "GET",
        "client": ("10.0.0.9", 5000),
        "headers": [
            (b"authorization", header.encode()),
            (b"x-forwarded-for", b"198.51.100.7"),
        ],
    }
    with pytest.raises(githttp.Refused):
        githttp._call(scope)
    assert heard == [("slp_secret", "198.51.100.7")]
