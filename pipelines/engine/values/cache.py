"""`cache`: files that one job leaves for the next one of its kind.

https://docs.gitlab.com/ci/yaml/#cache
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pipelines.engine.source import Items, Map
from pipelines.engine.values import forms
from pipelines.engine.values.forms import At, Form

WHENS = ("on_success", "on_failure", "always")
POLICIES = ("pull-push", "pull", "push")
MAX_CACHES = 4
MAX_FALLBACKS = 5
MAX_FILES = 10
DEFAULT_KEY = "default"
_KEYS = frozenset(["fallback_keys", "key", "paths", "policy", "unprotect", "untracked", "when"])
_NO_KEY = re.compile(r"/|%2f|^(?:\.|%2e)+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CacheKey:
    """A text, or a hash of files (their content, or the commits that changed them last)."""

    text: str = DEFAULT_KEY
    files: tuple[str, ...] = ()
    files_commits: tuple[str, ...] = ()
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Cache:
    key: CacheKey = CacheKey()
    paths: tuple[str, ...] = ()
    untracked: bool = False
    when: str = "on_success"
    policy: str = "pull-push"
    fallback_keys: tuple[str, ...] = ()
    unprotect: bool = False

    @property
    def pulls(self) -> bool:
        return self.policy in {"pull", "pull-push"}

    @property
    def pushes(self) -> bool:
        return self.policy in {"push", "pull-push"}

    def kept_after(self, *, failed: bool) -> bool:
        return self.when == "always" or failed == (self.when == "on_failure")


def usable_key(text: str) -> bool:
    """Whether a key with its variables put in may name a cache: no slash, not only dots."""
    return bool(text.strip()) and not _NO_KEY.search(text)


def read_caches(given: Any, at: At) -> tuple[Cache, ...]:
    """The caches of a job; an empty map or list means none."""
    listed = given if isinstance(given, Items) else [given]
    flat = [deeper for one in listed for deeper in (one if isinstance(one, Items) else [one])]
    if len(flat) > MAX_CACHES:
        raise at.wrong(f"lists {len(flat)} caches; {MAX_CACHES} are the most", "Merge some.")
    return tuple(_cache(one, at) for one in flat if one not in ({}, []))


def _cache(given: Any, at: At) -> Cache:
    form = forms.form(given, at, _KEYS)
    return Cache(
        key=_key(form),
        paths=form.texts("paths"),
        untracked=form.flag("untracked"),
        when=form.one_of("when", WHENS, "on_success"),
        policy=form.one_of("policy", POLICIES, "pull-push"),
        fallback_keys=form.texts("fallback_keys", MAX_FALLBACKS),
        unprotect=form.flag("unprotect"),
    )


def _key(form: Form) -> CacheKey:
    if not form.has("key"):
        return CacheKey()
    given, place = form.given["key"], form.place("key")
    if not isinstance(given, Map):
        text = forms.name(given, place)
        if not usable_key(text):
            raise place.wrong("has a slash, or only dots", "Use letters, digits and dashes.")
        return CacheKey(text)
    inner = forms.form(given, place, {"files", "files_commits", "prefix"})
    files, commits = inner.texts("files", MAX_FILES), inner.texts("files_commits", MAX_FILES)
    if bool(files) == bool(commits):
        raise place.wrong("names files or files_commits, one of them", "Write files: [a.lock].")
    return CacheKey("", files, commits, inner.text("prefix"))
