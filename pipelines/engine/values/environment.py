"""`environment`: where a job deploys to, and what it does to that place.

https://docs.gitlab.com/ci/yaml/#environment and https://docs.gitlab.com/ci/environments/
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from pipelines.engine import durations
from pipelines.engine.source import Map
from pipelines.engine.values import forms
from pipelines.engine.values.forms import At, Form

ACTIONS = ("start", "prepare", "stop", "verify", "access")
TIERS = ("production", "staging", "testing", "development", "other")
MAX_NAME = 255
MAX_SLUG = 24
_KEYS = frozenset(
    {
        "action",
        "auto_stop_in",
        "deployment_tier",
        "kubernetes",
        "name",
        "on_stop",
        "url",
    }
)
_KUBERNETES = frozenset(
    {
        "agent",
        "dashboard",
        "flux_resource_path",
        "managed_resources",
        "namespace",
    }
)
_NAME = re.compile(r"[\w /.${}-]+")
# The words of the published table; the first tier with a word in the name is taken.
_WORDS = (
    ("development", ("dev", "review", "trunk")),
    ("testing", ("test", "qc", "qa")),
    ("staging", ("stag", "model", "demo")),
    ("production", ("prod", "live")),
)


@dataclass(frozen=True, slots=True)
class Environment:
    name: str
    url: str = ""
    action: str = "start"
    on_stop: str = ""
    auto_stop_in: str = ""
    deployment_tier: str = ""  # as written; `tier` is the one that holds
    namespace: str = ""
    agent: str = ""

    @property
    def tier(self) -> str:
        return self.deployment_tier or guessed_tier(self.name)

    @property
    def slug(self) -> str:
        return slug(self.name)

    @property
    def auto_stop_seconds(self) -> int | None:
        """Seconds; None where nothing is said, 0 for never. `DurationError` for other text."""
        return durations.seconds(self.auto_stop_in) if self.auto_stop_in else None

    @property
    def deploys(self) -> bool:
        """Whether running the job makes a deployment."""
        return self.action == "start"


def guessed_tier(name: str) -> str:
    lower = name.lower()
    for tier, words in _WORDS:
        if any(word in lower for word in words):
            return tier
    return "other"


def slug(name: str) -> str:
    """At most 24 characters for DNS, with a piece of a hash where characters had to go."""
    bare = re.sub(r"-+", "-", re.sub(r"[^a-z0-9]", "-", name.lower())).strip("-")
    if not bare[:1].isalpha():
        bare = f"env-{bare}"
    if bare == name and len(bare) <= MAX_SLUG:
        return bare
    mark = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{bare[: MAX_SLUG - 7].strip('-')}-{mark}"


def read_environment(given: Any, at: At) -> Environment:
    if not isinstance(given, Map):
        return Environment(_named(forms.name(given, at), at))
    form = forms.form(given, at, _KEYS)
    if not form.has("name"):
        raise at.wrong("has no name", "Add name: production.")
    action = form.one_of("action", ACTIONS, "start")
    kubernetes = form.form("kubernetes", _KUBERNETES)
    return Environment(
        name=_named(form.text("name"), form.place("name")),
        url=form.text("url"),
        action=action,
        on_stop=form.text("on_stop"),
        auto_stop_in=_stops(form),
        deployment_tier=form.one_of("deployment_tier", TIERS, ""),
        namespace=kubernetes.text("namespace") if kubernetes else "",
        agent=kubernetes.text("agent") if kubernetes else "",
    )


def _named(name: str, at: At) -> str:
    if not name.strip() or len(name) > MAX_NAME or not _NAME.fullmatch(name):
        fix = "Use letters, digits, spaces and -_/.${}, at most 255."
        raise at.wrong("is no name of an environment", fix)
    return name


def _stops(form: Form) -> str:
    found = form.text("auto_stop_in")
    if found and "$" not in found:
        forms.period(found, form.place("auto_stop_in"), never=True)
    return found
