import os
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.checks import CheckMessage

from idp.common import checks, conf


@pytest.fixture(autouse=True)
def no_problems(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[conf.Problem]]:
    found: list[conf.Problem] = []
    monkeypatch.setattr(conf, "PROBLEMS", found)
    monkeypatch.setattr(conf, "READ", {})
    return found


def the_only(messages: list[CheckMessage]) -> CheckMessage:
    (message,) = messages
    assert message.hint
    return message


def test_a_state_directory_that_cannot_be_made_is_e001(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    conf.directory(tmp_path / "file" / "state")
    message = the_only(checks.what_was_read())
    assert message.id == "slipway.E001"
    assert "cannot be written" in message.msg


def test_a_key_file_that_cannot_be_read_is_e001(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("X_SECRET", raising=False)
    assert conf.secret("X_SECRET", tmp_path)
    assert "cannot be read" in the_only(checks.what_was_read()).msg


def test_a_key_is_made_once_and_for_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("X_SECRET", raising=False)
    file = tmp_path / "secret.key"
    assert conf.secret("X_SECRET", file) == conf.secret("X_SECRET", file)
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("url", ["x", "mysql://a/b", "http://a:b/c", "postgres://a:b@c:port/d"])
def test_a_wrong_database_url_is_e002_and_does_not_show_it(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X_DATABASE_URL", url)
    config = conf.database("X_DATABASE_URL", tmp_path / "x.sqlite3", prepared=True)
    assert config["NAME"] == f"{tmp_path}/x.sqlite3"
    message = the_only(checks.what_was_read())
    assert (message.id, message.msg) == ("slipway.E002", "X_DATABASE_URL is not a database URL.")


def test_the_databases_that_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_DATABASE_URL", "postgres://a:b@c:5433/d")
    config = conf.database("X_DATABASE_URL", tmp_path / "x", prepared=True)
    assert (config["HOST"], config["PORT"], config["OPTIONS"]["connect_timeout"]) == ("c", 5433, 5)
    assert config["OPTIONS"]["prepare_threshold"]
    plain = conf.database("X_DATABASE_URL", tmp_path / "x", prepared=False)
    assert plain["OPTIONS"]["prepare_threshold"] is None
    monkeypatch.delenv("X_DATABASE_URL")
    assert (
        conf.database("X_DATABASE_URL", tmp_path / "x", prepared=True)["OPTIONS"]["timeout"] == 20
    )
    assert checks.what_was_read() == []


def test_a_wrong_encryption_key_is_e003(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_KEYS", f"{Fernet.generate_key().decode()} short")
    conf.fernet_keys("X_KEYS", tmp_path / "k")
    message = the_only(checks.what_was_read())
    assert message.id == "slipway.E003"
    assert "short" not in message.msg


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "0", ""])
def test_a_wrong_number_is_e011(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_NUMBER", value)
    assert conf.integer("X_NUMBER", default=20, least=1) == 20
    assert the_only(checks.what_was_read()).id == "slipway.E011"


@pytest.mark.parametrize(
    ("value", "truth"), [("1", True), ("Yes", True), ("0", False), ("", False)]
)
def test_booleans_and_words(value: str, truth: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_FLAG", value)
    assert conf.boolean("X_FLAG", default=True) is truth
    monkeypatch.setenv("X_WORDS", "a, b  c")
    assert conf.words("X_WORDS", default="") == ["a", "b", "c"]


def test_a_judge_socket_that_is_too_long_is_e005(settings: Any) -> None:
    settings.GIT_JUDGE_SOCKET = Path("/") / ("x" * 120)
    message = the_only(checks.judge_socket())
    assert (message.id, "121 bytes" in message.msg) == ("slipway.E005", True)
    settings.GIT_JUDGE_SOCKET = Path("/run/judge.sock")
    assert checks.judge_socket() == []


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("slipway.example.com", "no http or https URL"),
        ("ftp://x", "no http or https URL"),
        ("https://", "no http or https URL"),
        ("https://x:port", "is no URL"),
        ("https://x/slipway", "more than scheme, host and port"),
        ("https://x?a=1", "more than scheme, host and port"),
    ],
)
def test_a_wrong_base_url_is_e006(url: str, part: str, settings: Any) -> None:
    settings.BASE_URL = url
    message = the_only(checks.base_url())
    assert message.id == "slipway.E006"
    assert part in message.msg


@pytest.mark.parametrize("url", ["https://slipway.example.com", "http://[::1]:8000/"])
def test_base_urls_that_are_fine(url: str, settings: Any) -> None:
    settings.BASE_URL = url
    assert checks.base_url() == []


def test_a_wrong_redis_url_is_e008(settings: Any) -> None:
    settings.REDIS_URL = "cache:6379"
    assert the_only(checks.redis_url()).id == "slipway.E008"
    settings.REDIS_URL = "rediss://cache:6379/0"
    assert checks.redis_url() == []


def test_a_missing_git_is_e010(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "slipway.E010" in {message.id for message in checks.repositories()}


def test_repositories_that_cannot_be_written_are_e009(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REPOSITORIES_DIR = "/some/where"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "slipway.E009" in {message.id for message in checks.repositories()}


def test_production_needs_a_broker_a_host_and_a_server_database(settings: Any) -> None:
    settings.REDIS_URL, settings.EMBEDDED = "", False
    settings.BASE_URL, settings.ALLOWED_HOSTS = "https://a.example", ["b.example"]
    assert {"slipway.E004", "slipway.E007"} <= {m.id for m in checks.production()}
    settings.ALLOWED_HOSTS, settings.REDIS_URL = [".example"], "redis://r"
    settings.EMAIL_BACKEND, settings.TRUSTED_PROXIES = checks.CONSOLE, [ip_network("::1")]
    assert {"slipway.W003"} == {m.id for m in checks.production()} - {"slipway.W001"}
    settings.EMAIL_BACKEND, settings.TRUSTED_PROXIES = "smtp.EmailBackend", []
    assert {"slipway.W002"} == {m.id for m in checks.production()} - {"slipway.W001"}
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    assert {m.id for m in checks.production()} <= {"slipway.W001"}


def test_mail_goes_through_the_server_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_MAIL", "smtp+tls://ann:p%40ss@mail.example.com:587")
    assert conf.mail("X_MAIL") == {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "mail.example.com",
        "EMAIL_PORT": 587,
        "EMAIL_HOST_USER": "ann",
        "EMAIL_HOST_PASSWORD": "p@ss",
        "EMAIL_USE_TLS": True,
        "EMAIL_USE_SSL": False,
    }
    monkeypatch.setenv("X_MAIL", "smtp+ssl://mail")
    assert (conf.mail("X_MAIL")["EMAIL_PORT"], conf.mail("X_MAIL")["EMAIL_USE_SSL"]) == (465, True)
    monkeypatch.setenv("X_MAIL", "")
    assert conf.mail("X_MAIL")["EMAIL_BACKEND"] == checks.CONSOLE
    assert checks.what_was_read() == []


@pytest.mark.parametrize("url", ["mail.example.com", "smtp://", "http://a:s3@b", "smtp://a:s3@b:x"])
def test_a_wrong_mail_url_is_e013_and_does_not_show_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X_MAIL", url)
    assert conf.mail("X_MAIL")["EMAIL_BACKEND"] == checks.CONSOLE
    message = the_only(checks.what_was_read())
    assert (message.id, message.msg) == ("slipway.E013", "X_MAIL is no mail server's URL.")


def test_a_proxy_that_is_no_address_is_e012(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_PROXIES", "10.0.0.0/8, ::1 caddy")
    found = conf.networks("X_PROXIES", default="")
    assert found == [ip_network("10.0.0.0/8"), ip_network("::1")]
    message = the_only(checks.what_was_read())
    assert (message.id, "“caddy”" in message.msg) == ("slipway.E012", True)


def run_check(state: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    check = ["manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return run([sys.executable, *check], state, **variables)


def run(command: list[str], state: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "SLIPWAY_STATE_DIR": str(state), **variables}
    return subprocess.run(
        command,
        cwd=Path(__file__).resolve().parents[2],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_settings_of_production_pass_the_deploy_checks(tmp_path: Path) -> None:
    done = run_check(
        tmp_path,
        SLIPWAY_BASE_URL="https://slipway.example.com",
        SLIPWAY_ALLOWED_HOSTS="slipway.example.com",
        SLIPWAY_DATABASE_URL="postgres://slipway:x@db/slipway",
        SLIPWAY_REDIS_URL="redis://redis:6379/0",
        SLIPWAY_HASHED_STATIC="1",
        SLIPWAY_TRUSTED_PROXIES="10.0.0.0/8",
        SLIPWAY_EMAIL_URL="smtp+tls://slipway:x@mail.example.com:587",
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_wrong_settings_are_told_by_id_and_no_traceback(tmp_path: Path) -> None:
    done = run_check(
        tmp_path, SLIPWAY_DATABASE_URL="nonsense", SLIPWAY_ENCRYPTION_KEYS="x", SLIPWAY_BASE_URL="y"
    )
    assert done.returncode == 1
    for number in (2, 3, 4, 6):
        assert f"slipway.E00{number}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [["-c", "import idp.wsgi"], ["manage.py", "run", "--port", "1"]],
    ids=["under gunicorn", "make run"],
)
def test_wrong_settings_end_each_start(words: list[str], tmp_path: Path) -> None:
    variables = {"SLIPWAY_EMBEDDED": "1", "SLIPWAY_BASE_URL": "y"}
    done = run([sys.executable, *words], tmp_path, **variables)
    assert done.returncode == 1
    assert "slipway.E006" in done.stderr
