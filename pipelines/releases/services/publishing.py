"""Makes a job's release once its script has passed: the tag where there is none, then the row.

https://docs.gitlab.com/ci/yaml/#release. Done before the attempt is taken down as over, so that a
release that cannot be made fails its job; done twice it makes nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import re2
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from gitops.hosts.local import LocalRepository
from gitops.judging import require_push
from gitops.review import tagging
from idp.common.addresses import is_web_address
from idp.common.errors import Clash, FieldError, Forbidden, Invalid, SlipwayError
from pipelines.engine.context import PREDEFINED
from pipelines.engine.values import release as values
from pipelines.engine.values.expanding import Put, expanded, putter
from pipelines.releases.models import Release
from pipelines.running.collecting import RELEASE
from pipelines.running.masking import MASK, Masker
from pipelines.runs import browsing, commits
from pipelines.runs.models import Artifact, Attempt, Pipeline
from pipelines.runs.services.ending import End
from pipelines.runs.starters import starter
from pipelines.runs.work import Stored
from rbac import audit
from rbac.actors import Actor

MAX_DESCRIPTION = 65_536
MAX_LINKS = 100
MAX_URL = 1_000
MAX_NAME = 255
FIRST_YEAR, LAST_YEAR = 1970, 2200  # of `released_at`
_TOKEN = re2.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")


def after(
    attempt: Attempt,
    stored: Stored,
    variables: Mapping[str, str],
    secrets: Sequence[str],
    end: End,
) -> End:
    """How the attempt ended, its release made; failed where that cannot be.

    `secrets` are all values that the job's log hides; the release hides them, too.
    """
    if stored.work.release is None or end.status != Attempt.Status.SUCCESS:
        return end
    hide = _hiding(stored, secrets)
    try:
        publish(attempt, stored.work.release, hide, variables)
    except SlipwayError as error:
        return unmade(end, hide(f"{error.message} {error.fix}".strip()))
    return end


def unmade(end: End, why: str) -> End:
    """The end of a job whose release could not be made."""
    message = f"its script passed, but the release was not made: {why}"
    return replace(end, status="failed", failure="script_failure", message=message)


def _hiding(stored: Stored, secrets: Sequence[str]) -> Put:
    """Masks a text: the secrets, and any signed token where the job had some.

    An agent's job was given tokens that are kept nowhere, so that only their form tells them.
    """
    masker = Masker(secrets)
    if not stored.work.id_tokens:
        return masker.whole
    return lambda text: str(_TOKEN.sub(MASK.decode(), masker.whole(text)))


def publish(
    attempt: Attempt,
    asked: values.Release,
    hide: Put,
    variables: Mapping[str, str],
) -> Release:
    """The release of a job; the same once more for a job that runs again."""
    pipeline = attempt.job.pipeline
    plain = expanded(asked, putter(variables, PREDEFINED, final=True))
    given = expanded(plain, hide)
    tag = tagging.checked_name(given.tag_name.strip())
    known = Release.objects.filter(project=pipeline.project_id, tag=tag).first()
    if known is not None:
        return _same(known, pipeline)
    facts = {
        "name": (given.name.strip() or tag)[:MAX_NAME],
        "description": _description(attempt, plain.description, hide),
        "links": [_link(one) for one in _bounded(given.links)],
        "released_at": _moment(given.released_at),
    }
    actor = starter(pipeline)
    if pipeline.foreign or actor is None:
        raise Forbidden("Jobs of forks, and of people who are gone, make no releases.")
    require_push(actor, pipeline.project)  # for a tag that is there already, too
    sha = _tagged(actor, pipeline, tag, given)
    row, new = Release.objects.get_or_create(
        project=pipeline.project,
        tag=tag,
        defaults={
            **facts,
            "sha": sha,
            "pipeline": pipeline,
            "job_name": attempt.job.name,
            "actor_label": pipeline.actor_label,
        },
    )
    if not new:
        return _same(row, pipeline)
    audit.record(
        actor,
        "release.create",
        target=row,
        scope=pipeline.project.scope,
        after={"tag": tag, "sha": sha, "job": attempt.job.name},
    )
    return row


def _same(known: Release, pipeline: Pipeline) -> Release:
    if known.pipeline_id == pipeline.pk or known.sha == pipeline.sha:
        return known
    raise Clash(f"{known} is there already, of {known.sha[:8]}.", fix="Name another tag.")


def _tagged(actor: Actor, pipeline: Pipeline, tag: str, given: values.Release) -> str:
    """The commit of the tag, which is made where there is none."""
    repository = commits.of_pipeline(pipeline)
    if repository is None:
        raise Clash("The repository is gone.")
    if there := repository.ref(f"refs/tags/{tag}"):
        return there
    sha = _target(repository, given.ref) if given.ref else pipeline.sha
    tagging.make(actor, pipeline.project, tag, sha, message=given.tag_message)
    return sha


def _target(repository: LocalRepository, ref: str) -> str:
    """The commit of a branch, a tag, or a commit's whole id."""
    bare = commits.short(ref.strip())
    names = [f"refs/heads/{bare}", f"refs/tags/{bare}"]
    if len(bare) == 40 and set(bare) <= set("0123456789abcdef"):  # noqa: PLR2004 - a whole id
        names.append(bare)
    for name in names:
        if sha := repository.ref(name):
            return sha
    raise _wrong("ref", f"There is no branch, tag or commit “{bare[:80]}”.", "Name one, or none.")


def _description(attempt: Attempt, text: str, hide: Put) -> str:
    """The text, or what the file of that name held when the script had passed."""
    kept = Artifact.objects.filter(attempt=attempt, kind=RELEASE).first()
    if kept is not None:
        data = b""
        for chunk in browsing.content(kept.digest, text.removeprefix("./")):
            data += chunk
            if len(data) > 4 * MAX_DESCRIPTION:
                break
        text = data.decode(errors="replace")
    if len(text) > MAX_DESCRIPTION:
        message = f"The description has more than {MAX_DESCRIPTION} characters."
        raise _wrong("description", message, "Link the rest.")
    return hide(text.replace("\0", ""))


def _bounded(links: tuple[values.Link, ...]) -> tuple[values.Link, ...]:
    if len(links) > MAX_LINKS:
        raise _wrong("assets", f"A release has at most {MAX_LINKS} links.", "Link a page of them.")
    return links


def _link(given: values.Link) -> dict[str, Any]:
    if not is_web_address(given.url, most=MAX_URL) or MASK.decode() in given.url:
        message = f"The link “{given.name[:60]}” leads to no http(s) address."
        raise _wrong("assets", message, "Write https://….")
    kind = given.link_type if given.link_type in values.LINK_TYPES else "other"
    name, path = given.name[:MAX_NAME], given.filepath[:MAX_NAME]
    return {"name": name, "url": given.url, "filepath": path, "link_type": kind}


def _moment(text: str) -> datetime:
    if not text.strip():
        return timezone.now()
    try:
        found = parse_datetime(text.strip())
        if found is not None:
            aware = found if timezone.is_aware(found) else timezone.make_aware(found)
            found = aware.astimezone(UTC)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        message = f"“{text[:40]}” is no moment."
        raise _wrong("released_at", message, "Write 2026-11-28T09:00:00Z.")
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        message = f"The year of “{text[:40]}” is not one of {FIRST_YEAR} to {LAST_YEAR}."
        raise _wrong("released_at", message, "Write 2026-11-28T09:00:00Z.")
    return found


def _wrong(field: str, message: str, fix: str) -> Invalid:
    return Invalid(message, fix=fix, errors=[FieldError(f"release.{field}", "value", message, fix)])
