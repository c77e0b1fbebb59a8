import json
import stat
from pathlib import Path

import pytest

from idp.cli import config
from idp.cli.config import Config
from tests.support.console import Script, problem, run

TOKEN = "slp_abcdefghijkl_secret"
ME = {"username": "dana.dev", "email": "d@x", "teams": ["orders"], "token": "cli"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("SLIPWAY_URL", raising=False)
    monkeypatch.delenv("SLIPWAY_TOKEN", raising=False)
    return tmp_path


def test_login_saves_address_and_token_for_the_owner_only() -> None:
    script = Script({"GET me/": ME})
    result = run(script, "login", "https://slipway.test/", config=Config(), typed=f"{TOKEN}\n")
    assert result.exit_code == 0, result.stderr
    file = config.path()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text()) == {"url": "https://slipway.test", "token": TOKEN}
    assert "as dana.dev" in result.stderr
    assert TOKEN not in result.output


def test_a_token_may_come_from_standard_input() -> None:
    script = Script({"GET me/": ME})
    words = ("login", "https://slipway.test", "--token", "-")
    assert run(script, *words, config=Config(), typed=f"{TOKEN}\n").exit_code == 0
    assert script.calls[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_token_that_does_not_work_is_not_saved() -> None:
    script = Script({"GET me/": problem(401, "not_signed_in", "The token is unknown.")})
    result = run(script, "login", "https://slipway.test", "--token", TOKEN, config=Config())
    assert result.exit_code == 3
    assert not config.path().exists()


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("slipway.test", "is no address"),
        ("ftp://slipway.test", "is no address"),
        ("http://slipway.test", "unencrypted"),
        ("http://[x", "is no address"),
    ],
)
def test_a_wrong_address_is_refused_before_the_token_travels(url: str, text: str) -> None:
    script = Script()
    result = run(script, "login", url, "--token", TOKEN, config=Config())
    assert result.exit_code == 2
    assert text in result.stderr
    assert script.calls == []


@pytest.mark.parametrize("url", ["http://localhost:8000", "http://127.0.0.1:8000"])
def test_this_machine_may_be_reached_unencrypted(url: str) -> None:
    script = Script({"GET me/": ME})
    assert run(script, "login", url, "--token", TOKEN, config=Config()).exit_code == 0


def test_what_is_no_token_is_refused() -> None:
    result = run(Script(), "login", "https://x.test", "--token", "a b", config=Config())
    assert result.exit_code == 2
    assert "That is no token." in result.stderr


def test_logout_forgets() -> None:
    Config("https://slipway.test", TOKEN).save()
    run(Script(), "logout")
    assert Config.load() == Config()


def test_the_environment_goes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Config("https://slipway.test", TOKEN).save()
    assert Config.load().token == TOKEN
    monkeypatch.setenv("SLIPWAY_URL", "https://other.test")
    assert Config.load() == Config("https://other.test", "")
    monkeypatch.setenv("SLIPWAY_TOKEN", "slp_x")
    assert Config.load() == Config("https://other.test", "slp_x")


def test_a_broken_file_is_like_none() -> None:
    config.path().parent.mkdir()
    config.path().write_text("{")
    assert Config.load() == Config()


def test_whoami_says_who_and_where() -> None:
    result = run(Script({"GET me/": ME}), "whoami")
    assert "User   dana.dev" in result.stdout
    assert "https://slipway.test" in result.stdout
    assert json.loads(run(Script({"GET me/": ME}), "whoami", "--json").stdout) == ME
