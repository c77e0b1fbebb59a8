"""The gate `path`: a bundle was healthy in the tier before, where the project has one."""

from __future__ import annotations

from environments.models import Environment
from idp.changes import gates, people
from idp.changes.gates import Gate, GateResult, Outcome
from idp.changes.models import Change
from idp.changes.plans import Plan
from pipelines.deploys.models import Bundle, Deployment
from rbac.models import Tier

NAME, TITLE = "path", "Promotion path"
RULE = "a bundle was healthy in the tier before"
ORDER = (Tier.DEVELOPMENT.value, Tier.STAGING.value, Tier.PRODUCTION.value)


def bundle_of(change: Change) -> Bundle | None:
    """The bundle that a change brings out; None for all other changes."""
    found = change.intent.get("bundle")
    if not isinstance(found, int):
        return None
    return Bundle.objects.select_related("project", "pipeline").filter(pk=found).first()


def tiers_before(environment: Environment) -> list[str]:
    """The tiers in which the project has environments, before this one's, the nearest last."""
    if environment.tier not in ORDER:
        return []
    earlier = ORDER[: ORDER.index(environment.tier)]
    rows = Environment.objects.filter(project=environment.project_id, tier__in=earlier)
    there = set(rows.exclude(state__in=_GONE).values_list("tier", flat=True))
    return [tier for tier in earlier if tier in there]


_GONE = (Environment.State.DELETED, Environment.State.DELETING, Environment.State.PROPOSED)


def succeeded_in(bundle: Bundle) -> dict[str, str]:
    """Where the bundle was brought and found healthy: an environment's name by tier."""
    rows = Deployment.objects.filter(bundle=bundle, change__state=Change.State.SUCCEEDED)
    return dict(rows.order_by("pk").values_list("environment__tier", "environment__name"))


def check(change: Change, _plan: Plan) -> GateResult:
    bundle = bundle_of(change)
    if bundle is None:
        return GateResult(NAME, TITLE, Outcome.PASS, "It brings out no bundle.")
    environment = Environment.objects.filter(scope=change.scope_id).first()
    before = tiers_before(environment) if environment else []
    if not before:
        return GateResult(NAME, TITLE, Outcome.PASS, "No tier comes before this one.", RULE)
    tier, places = before[-1], succeeded_in(bundle)
    if tier in places:
        sentence = f"{bundle} was healthy in {places[tier]} ({tier})."
        return GateResult(NAME, TITLE, Outcome.PASS, sentence, RULE, places[tier])
    return GateResult(
        NAME,
        TITLE,
        Outcome.WAIT,
        f"{bundle} was not yet brought to {tier}, which comes before {environment}.",
        RULE,
        sorted(places),
        f"Deploy it to {tier} first: slipway promote {bundle.number} {tier}. "
        + people.who_can("gate.waive", change, does="waive it"),
    )


def register() -> None:
    gates.register(Gate(NAME, TITLE, check))
    gates.register_fact("bundle", lambda change, _plan: change.intent.get("bundle_digest", ""))
