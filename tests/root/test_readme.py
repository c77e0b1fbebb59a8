"""The README's main job uses the words of the pages and a program that is where it says."""

from __future__ import annotations

import re

from django.conf import settings

from environments.views.create import TITLE
from environments.views.detail import ACTIONS
from idp.common import host, yaml

README = (settings.BASE_DIR / "README.md").read_text()


def test_the_main_job_by_clicks_names_what_the_pages_name() -> None:
    paragraph = re.split(r"\n\n", README.split("**By clicks.** ")[1])[0]
    said = {word for words in re.findall(r"\*([^*]+)\*", paragraph) for word in words.split(" › ")}
    blueprints = (settings.BASE_DIR / "environments" / "blueprints").glob("*.yaml")
    pages = {
        TITLE,
        *(entry.label for entry in host.navigation),
        *(label.removesuffix("…") for _, label, *_ in ACTIONS),
        *(yaml.load_all(path.read_text())[0]["title"] for path in blueprints),
        "Ready",
    }
    assert {" ".join(word.split()) for word in said} <= pages
    assert paragraph.index("choose the blueprint") < paragraph.index("the project")


def test_the_terminal_finds_slipway_before_it_is_used() -> None:
    assert README.index('export PATH="$PWD/.venv/bin:$PATH"') < README.index("slipway login")
