"""The lines that the production guide and the compose file tell people to type."""

from __future__ import annotations

import re
import shlex

import pytest
import yaml
from django.core.management import CommandError, call_command, get_commands

from deploy.processes import ROOT
from rbac.access import can
from rbac.actors import Actor
from rbac.models import User

PAGES = ("docker-compose.yml", "docs/production.md")
LINE = re.compile(r"manage\.py ([a-z_]+)([^`\n]*)")


def lines_of(page: str) -> list[tuple[str, str]]:
    return LINE.findall((ROOT / page).read_text())


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_is_named_exists(page: str) -> None:
    names = {name for name, _ in lines_of(page)}
    assert names
    assert names <= set(get_commands())


@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES)
def test_the_documented_line_makes_somebody_who_holds_everything(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPWAY_ADMINISTRATOR_PASSWORD", "correct horse battery")
    (words, *_) = [rest for name, rest in lines_of(page) if name == "create_administrator"]
    call_command("create_administrator", *shlex.split(words), verbosity=0)
    assert can(Actor(User.objects.get()), "access.grant", None)


def test_compose_trusts_its_own_proxy_and_passes_the_mail_server_on() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    settings = compose["services"]["web"]["environment"]
    subnet = compose["networks"]["default"]["ipam"]["config"][0]["subnet"]
    assert settings["SLIPWAY_TRUSTED_PROXIES"] == subnet
    assert settings["SLIPWAY_EMAIL_URL"] == "${SLIPWAY_EMAIL_URL:-}"
    assert "SLIPWAY_EMAIL_URL=" in (ROOT / ".env.example").read_text().splitlines()


def test_djangos_own_command_says_what_to_call_instead() -> None:
    with pytest.raises(CommandError, match="create_administrator"):
        call_command("createsuperuser")
