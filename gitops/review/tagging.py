"""Makes tags in a project's own repository, by the very path that a push of one takes."""

from __future__ import annotations

import re

from gitops import arriving, repositories
from gitops.hosted.mirrors import of_project
from gitops.hosts.local import ZERO
from gitops.judging import require_push
from gitops.review.following import on_disk
from idp.common.errors import Clash, FieldError, Invalid, Refusal
from rbac.actors import Actor
from rbac.models import Project

_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._+/-]{0,198}[A-Za-z0-9_+-])?")
_NEVER = ("..", "//", "/.", "./", ".lock/")
MAX_MESSAGE = 10_000


def checked_name(name: str) -> str:
    """The name of a tag; `Invalid` for one that git, or a page, could not take."""
    fits = _NAME.fullmatch(name) and not any(part in name for part in _NEVER)
    if not fits or name.endswith(".lock"):
        message = f"“{name[:60]}” is no name of a tag."
        fix = "Use letters, digits and ._+-/, at most 200, as in v1.4.0."
        raise Invalid.of([FieldError("tag_name", "name", message, fix)])
    return name


def make(actor: Actor, project: Project, name: str, sha: str, *, message: str = "") -> list[str]:
    """A tag at a commit, annotated where there is a message; lines say what followed.

    Raises `Clash` where the name is taken or the code lies at a git host, `Refusal` with what the
    judge of pushes says.
    """
    require_push(actor, project)
    if (hosted := of_project(project)) is not None:
        raise Clash(
            f"The code of {project.name} is at {hosted.path}, where Slipway makes no tags.",
            fix=f"Push the tag {name} there before.",
        )
    repo, here = repositories.ensure(project), on_disk(project)
    ref = f"refs/tags/{checked_name(name)}"
    new = sha
    if message:
        new = here.make_tag(
            name, sha, author=repositories.author_of(actor), message=message[:MAX_MESSAGE]
        )
    updates = [(ZERO, new, ref)]
    if reasons := arriving.admit(actor, repo, here, updates):
        raise Refusal(f"The tag {name} is taken no more than a push: {' '.join(reasons)}")
    here.update_ref(ref, new, "")
    return arriving.arrived(actor, repo, updates)
