import json
import logging
import logging.config
from typing import Any

import pytest
import structlog

from idp.common import logs
from idp.common.redaction import HIDDEN, redact, redact_text

TOKEN = "slp_abcdefghijkl_" + "S3cr3t" * 6


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"used {TOKEN} here", f"used slp_abcdefghijkl_{HIDDEN} here"),
        ("Authorization: Bearer abcdefgh.ijkl", f"Authorization: Bearer {HIDDEN}"),
        ("postgres://slipway:hunter2@db/slipway", f"postgres://slipway:{HIDDEN}@db/slipway"),
        ("redis://:hunter2@cache:6379/0", f"redis://:{HIDDEN}@cache:6379/0"),
        ("key AKIAABCDEFGHIJKLMNOP.", f"key {HIDDEN}."),
        (
            "GET /invitations/Ab3dEf6hIj9lMn2pQr5tUv8xYz1bCd4fGh7jKl0n/",
            f"GET /invitations/{HIDDEN}/",
        ),
        ("GET /x?token=abc&a=1", f"GET /x?token={HIDDEN}&a=1"),
        ("nothing to hide in orders/staging", "nothing to hide in orders/staging"),
        ("GET /environments/orders/a-name-of-forty-characters-without-digit/", None),
    ],
)
def test_what_looks_like_a_credential_is_hidden(text: str, left: str | None) -> None:
    assert redact_text(text) == (text if left is None else left)


def test_private_keys_are_hidden_whole() -> None:
    text = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\nrest"
    assert redact_text(text) == f"{HIDDEN}\nrest"


def test_values_under_telling_names_are_hidden_at_any_depth() -> None:
    value = {"user": "dana", "credentials": {"a": 1}, "list": [{"password": "x", "n": None}]}
    assert redact(value) == {
        "user": "dana",
        "credentials": HIDDEN,
        "list": [{"password": HIDDEN, "n": None}],
    }


def test_what_is_too_deep_is_hidden() -> None:
    deep: Any = "secret"
    for _ in range(10):
        deep = [deep]
    assert "secret" not in str(redact([deep]))


def written(capsys: pytest.CaptureFixture[str], *, terminal: bool) -> str:
    before = logging.root.handlers[:]
    config = logs.logging_config(debug=False, terminal=terminal)
    try:
        logging.config.dictConfig(config)
        structlog.get_logger("idp.test").warning(
            "token.used", token=TOKEN, path=f"/x/{TOKEN}", count=2
        )
        logging.getLogger("idp.test").warning("plain %s", TOKEN)
        return capsys.readouterr().err
    finally:
        logging.root.handlers[:] = before


def test_a_terminal_gets_key_value_lines(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = written(capsys, terminal=True).splitlines()
    assert "event=token.used" in first
    assert "count=2" in first
    assert "level=warning" in first
    assert "S3cr3t" not in first + second
    assert "plain slp_abcdefghijkl_" in second


def test_elsewhere_each_line_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = map(json.loads, written(capsys, terminal=False).splitlines())
    assert (first["event"], first["token"], first["count"]) == ("token.used", HIDDEN, 2)
    assert first["logger"] == "idp.test"
    assert second["event"] == f"plain slp_abcdefghijkl_{HIDDEN}"


def test_an_exception_of_a_line_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.root.handlers[:]
    try:
        logging.config.dictConfig(logs.logging_config(debug=False, terminal=True))
        structlog.get_logger("idp.test").error("it broke", exc_info=KeyError(TOKEN))
        text = capsys.readouterr().err
    finally:
        logging.root.handlers[:] = before
    assert "KeyError" in text
    assert "S3cr3t" not in text


@pytest.mark.parametrize("terminal", [True, False])
def test_a_trace_shows_no_local_values(
    capsys: pytest.CaptureFixture[str], *, terminal: bool
) -> None:
    def store(value: str) -> None:
        raise RuntimeError("the store is full")

    before = logging.root.handlers[:]
    value = "hunter" + "2"  # the trace quotes the lines of this file
    try:
        logging.config.dictConfig(logs.logging_config(debug=False, terminal=terminal))
        try:
            store(value)
        except RuntimeError:
            logging.getLogger("idp.test").exception("it broke")
        text = capsys.readouterr().err
    finally:
        logging.root.handlers[:] = before
    assert "the store is full" in text
    assert "in store" in text or '"name": "store"' in text
    assert value not in text
