"""What workloads ask of their variables, and whether `main` gives it; shown by a page."""

from __future__ import annotations

from collections.abc import Mapping

from environments.models import Environment
from environments.rendering.document import FILENAME
from environments.rendering.renderer import EnvironmentRenderer
from gitops import repositories
from gitops.sync.desired import context_of
from idp.common.errors import SlipwayError
from rbac.actors import Actor
from schemas.variables.gate import judged
from schemas.variables.judging import Judgement
from schemas.variables.settings import of_facts


def judgements(actor: Actor, environment: Environment) -> tuple[Mapping[str, Judgement], str]:
    """By workload, of those that declare a schema; and why there is none, in words."""
    application = environment.application
    repository = application.repository
    files = repositories.read_directory(
        repository, repositories.head(repository), application.directory
    )
    if b"configSchema" not in files.get(FILENAME, b""):
        return {}, ""
    try:
        rendered = EnvironmentRenderer().render(files, context_of(application))
        found = judged(actor, of_facts(rendered.facts))
    except SlipwayError as error:
        return {}, f"{error.message} {error.fix}".strip()
    return {one.settings.workload: one for one in found}, ""
