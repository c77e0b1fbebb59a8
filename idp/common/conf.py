"""Readers of environment variables for `idp.settings`; what was read is kept for docs."""

import ipaddress
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from cryptography.fernet import Fernet


@dataclass(frozen=True)
class Setting:
    """One environment variable: its name, kind of value and the default as text."""

    name: str
    kind: str
    default: str


@dataclass(frozen=True)
class Problem:
    """What was wrong with a variable; `idp.common.checks` reports it under its id."""

    id: str
    message: str
    hint: str


Network = ipaddress.IPv4Network | ipaddress.IPv6Network
READ: dict[str, Setting] = {}
PROBLEMS: list[Problem] = []


def _note(name: str, kind: str, default: object) -> str | None:
    READ[name] = Setting(name, kind, str(default))
    return os.environ.get(name)


def text(name: str, *, default: str) -> str:
    value = _note(name, "text", default)
    return default if value is None else value


def words(name: str, *, default: str) -> list[str]:
    """The space- or comma-separated words of a variable."""
    value = _note(name, "words", default)
    return (default if value is None else value).replace(",", " ").split()


def boolean(name: str, *, default: bool) -> bool:
    """True for 1, true, yes or on in any case; the default where the variable is missing."""
    value = _note(name, "boolean", default)
    return default if value is None else value.strip().lower() in {"1", "true", "yes", "on"}


def integer(name: str, *, default: int, least: int = 0) -> int:
    """A whole number of at least `least`; a problem, and the default, where it is none."""
    value = _note(name, "number", default)
    if value is None:
        return default
    if value.strip().isascii() and value.strip().isdigit() and int(value) >= least:
        return int(value)
    hint = f"Write a whole number of at least {least}, like {default}."
    PROBLEMS.append(Problem("slipway.E011", f"{name} is no whole number.", hint))
    return default


def networks(name: str, *, default: str) -> list[Network]:
    """The networks that a variable names; an address is a network of one."""
    found: list[Network] = []
    value = _note(name, "networks", default)
    for word in (default if value is None else value).replace(",", " ").split():
        try:
            found.append(ipaddress.ip_network(word, strict=False))
        except ValueError:
            hint = "Write addresses or networks, like 10.1.2.3 or 10.0.0.0/8."
            message = f"{name} names “{word[:60]}”, which is no address and no network."
            PROBLEMS.append(Problem("slipway.E012", message, hint))
    return found


def path(name: str, default: Path) -> Path:
    value = _note(name, "path", f"<state>/{default.name}")
    return Path(value) if value else default


def directory(path: Path) -> Path:
    """The path, made where it is missing; a problem where that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        writable = os.access(path, os.W_OK | os.X_OK)
    except OSError:
        writable = False
    if not writable:
        PROBLEMS.append(
            Problem(
                "slipway.E001",
                f"The state directory “{path}” cannot be written.",
                "Make it writable for this user, or name another one in SLIPWAY_STATE_DIR.",
            )
        )
    return path


def _kept(file: Path, make: str) -> str:
    """The text of a private file that is made, readable by its owner only, when it is missing."""
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        pass
    except OSError as error:
        hint = "Let this user read it, or name the value in the environment."
        PROBLEMS.append(Problem("slipway.E001", f"“{file}” cannot be read: {error}.", hint))
        return make
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another process of the same start was first
        return file.read_text().strip()
    except OSError:  # E001 reports the directory; `check` goes on with a value of its own
        return make
    with os.fdopen(descriptor, "w") as handle:
        handle.write(make)
    return make


def secret(name: str, file: Path) -> str:
    """A secret from the environment, else from a file that is made at the first start."""
    value = _note(name, "secret", f"made in <state>/{file.name}")
    return value or _kept(file, secrets.token_urlsafe(50))


def credential(name: str) -> str:
    """A secret that may be missing: then "" and what it guards stays shut."""
    return _note(name, "secret", "") or ""


def fernet_keys(name: str, file: Path) -> list[str]:
    """Fernet keys, newest first, from the environment or from a file that is made."""
    value = _note(name, "secret", f"made in <state>/{file.name}")
    keys = (value or _kept(file, Fernet.generate_key().decode())).replace(",", " ").split()
    if keys and all(map(_is_fernet_key, keys)):
        return keys
    PROBLEMS.append(
        Problem(
            "slipway.E003",
            f"{name} holds a key that is not 32 bytes in URL-safe base64.",
            "Make one: python -c 'from cryptography.fernet import Fernet;"
            " print(Fernet.generate_key().decode())'.",
        )
    )
    return [Fernet.generate_key().decode()]


def _is_fernet_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


def _database_config(name: str, value: str, default: Path) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if value.partition(":")[0] in {"sqlite", "postgres", "postgresql"}:
        with suppress(environ.ImproperlyConfigured, ValueError, KeyError):
            config = environ.Env.db_url_config(value)
    if config.get("ENGINE") not in {
        "django.db.backends.sqlite3",
        "django.db.backends.postgresql",
    }:
        hint = "Write it like postgres://user:password@host:5432/slipway or sqlite:///path/file."
        PROBLEMS.append(Problem("slipway.E002", f"{name} is not a database URL.", hint))
        config = environ.Env.db_url_config(f"sqlite:///{default}")
    return config


def database(name: str, default: Path, *, prepared: bool) -> dict[str, Any]:
    """Django's settings for a database URL; SQLite gets WAL and immediate transactions.

    `prepared`: whether the hot reads may prepare their statements on PostgreSQL.
    """
    value = _note(name, "URL", f"sqlite:///<state>/{default.name}")
    value = value or f"sqlite:///{default}"
    config = _database_config(name, value, default)
    if config["ENGINE"].endswith("sqlite3"):
        config["OPTIONS"] = {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
    else:
        config["CONN_MAX_AGE"] = 60
        config["CONN_HEALTH_CHECKS"] = True
        threshold = 5 if prepared else None  # psycopg: None for never
        config["OPTIONS"] = {"connect_timeout": 5, "prepare_threshold": threshold}
    return config


_MAIL_SCHEMES = {"smtp", "smtps", "smtp+tls", "smtp+ssl"}


def mail(name: str) -> dict[str, Any]:
    """Django's EMAIL_… settings for a mail server's URL; without one mail goes to the log."""
    value = (_note(name, "URL", "") or "").strip()
    config: dict[str, Any] = {}
    if urlsplit(value).scheme in _MAIL_SCHEMES:
        with suppress(ValueError):  # a port that is none
            config = environ.Env.email_url_config(value)
    valid = bool(config.get("EMAIL_HOST"))
    if value and not valid:
        hint = "Write it like smtp+tls://user:password@mail.example.com:587."
        PROBLEMS.append(Problem("slipway.E013", f"{name} is no mail server's URL.", hint))
    found = config if valid else environ.Env.email_url_config("consolemail://")
    secure = {key: bool(found.get(key)) for key in ("EMAIL_USE_TLS", "EMAIL_USE_SSL")}
    return {
        "EMAIL_BACKEND": found["EMAIL_BACKEND"],
        "EMAIL_HOST": found.get("EMAIL_HOST") or "",
        "EMAIL_PORT": found.get("EMAIL_PORT") or (465 if secure["EMAIL_USE_SSL"] else 25),
        "EMAIL_HOST_USER": found.get("EMAIL_HOST_USER") or "",
        "EMAIL_HOST_PASSWORD": found.get("EMAIL_HOST_PASSWORD") or "",
        **secure,
    }


def cache(name: str) -> dict[str, Any]:
    value = _note(name, "URL", "")
    if not value:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": value,
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }


def static_storage(*, embedded: bool) -> str:
    """WhiteNoise's hashed storage in production; plain files where nothing is collected first."""
    if embedded or not boolean("SLIPWAY_HASHED_STATIC", default=False):
        return "django.contrib.staticfiles.storage.StaticFilesStorage"
    return "whitenoise.storage.CompressedManifestStaticFilesStorage"


def celery(name: str) -> dict[str, Any]:
    """Celery's settings: Redis when named, else the transport inside this process."""
    broker = os.environ.get(name) or "memory://"
    options: dict[str, Any] = (
        {"polling_interval": 0.1}
        if broker == "memory://"
        else {
            "socket_timeout": 5,
            "socket_connect_timeout": 1,
            "visibility_timeout": 300,
        }
    )
    return {
        "broker_url": broker,
        "broker_transport_options": options,
        "broker_connection_retry_on_startup": True,
        "task_ignore_result": True,
        "task_publish_retry": False,
        "task_acks_late": True,
        "worker_direct": True,  # a queue of its own, by which a worker sees that it consumes
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "task_serializer": "json",
        "accept_content": ["json"],
        "timezone": "UTC",
    }
