"""The pages that are looked at: name, address, and who opens it."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.tokens import default_token_generator
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from playwright.sync_api import Page, Response

from environments.models import Environment
from environments.views.actions import ACTIONS
from idp.changes.models import Change
from idp.common import host
from pipelines.deploys.models import Bundle
from pipelines.fleet.models import Agent
from pipelines.reports.models import Report, TestCase
from pipelines.runs.models import Job, Pipeline
from pipelines.schedules.models import Schedule
from pipelines.variables.models import Variable
from portal.shell import address
from rbac.models import User
from rbac.services.people import invite
from schemas.addresses import page_of
from schemas.databases.models import Database, DatabaseInstance, Declaration
from schemas.models import Subject
from schemas.transfer.models import ImportRun
from tests.browser.subjects import ORDERS, SLASHED
from tests.browser.world import (
    ADMINISTRATOR,
    AUDITOR,
    AUTHOR,
    LEAD,
    NEWCOMER,
    VIEWER,
    actor,
)


@dataclass(frozen=True)
class Place:
    name: str
    path: str
    who: str = ADMINISTRATOR
    status: int = 200
    keys: str = ""  # pressed once the page is there


def visit(page: Page, place: Place) -> Response | None:
    """Open a place as people find it."""
    answer = page.goto(place.path)
    page.wait_for_selector("main")
    if place.keys:
        page.keyboard.press(place.keys)
        page.wait_for_selector("dialog[open] [role=option]")
    return answer


FIXED = (
    Place("home", "/", AUTHOR),
    Place("component", "/catalog/orders-api/", AUTHOR),
    Place("component-environments", "/catalog/orders-api/?tab=environments", AUTHOR),
    Place("component-new", "/catalog/new/", AUTHOR),
    Place("component-edit", "/catalog/orders-web/edit/", AUTHOR),
    Place("catalog-import", "/catalog/import/", AUTHOR),
    Place("search", "/search/?q=orders", AUTHOR),
    Place("keyboard", "/help/keyboard/", AUTHOR),
    Place("forbidden", "/catalog/new/", VIEWER, 403),
    Place("not-found", "/catalog/absent/", AUTHOR, 404),
    Place("sign-in", "/sign-in/", ""),
    Place("sign-out", "/sign-out/", AUTHOR),
    Place("password-reset", "/password-reset/", ""),
    Place("password-reset-sent", "/password-reset/sent/", ""),
    Place("palette", "/", AUTHOR, keys="Control+k"),
    Place("choose-blueprint", "/environments/new/", AUTHOR),
    Place("account", "/account/", AUTHOR),
    Place("access-why", "/access/why/"),
    Place("access-grant", "/access/grant/"),
    Place("access-role", "/access/roles/developer/"),
    Place("access-team", "/access/teams/orders/"),
    Place("access-role-new", "/access/roles/new/"),
    Place("access-team-new", "/access/teams/new/"),
    Place("access-project-new", "/access/projects/new/"),
    Place("access-service-account-new", "/access/service-accounts/new/"),
    Place("access-invite", "/access/invite/"),
    Place("no-match-catalog", "/catalog/?q=nothing", AUTHOR),
    Place("no-match-environments", "/environments/?q=nothing", AUTHOR),
    Place("no-match-changes", "/changes/?q=nothing", AUTHOR),
    Place("no-match-search", "/search/?q=nothing-like-it", AUTHOR),
    Place("first-home", "/", NEWCOMER),
    Place("first-catalog", "/catalog/", NEWCOMER),
    Place("first-environments", "/environments/", NEWCOMER),
    Place("first-inbox", "/inbox/", NEWCOMER),
    Place("pipeline-start", "/pipelines/start/?project=orders", AUTHOR),
    Place("agents", "/pipelines/agents/", LEAD),
    Place("agent-new", "/pipelines/agents/new/", LEAD),
    Place("first-schedules", "/pipelines/schedules/", NEWCOMER),
    Place("no-match-schedules", "/pipelines/schedules/?project=absent", AUTHOR),
    Place("schedule-new", "/pipelines/schedules/new/?project=orders", AUTHOR),
    Place("first-agents", "/pipelines/agents/", NEWCOMER),
    Place("resource-groups", "/pipelines/resource-groups/", LEAD),
    Place("no-match-resource-groups", "/pipelines/resource-groups/?q=absent", AUTHOR),
    Place("first-resource-groups", "/pipelines/resource-groups/", NEWCOMER),
    Place("retention", "/pipelines/retention/", LEAD),
    Place("retention-edit", "/pipelines/retention/orders/", LEAD),
    Place("no-match-retention", "/pipelines/retention/?q=absent", LEAD),
    Place("first-retention", "/pipelines/retention/", NEWCOMER),
    Place("releases", "/pipelines/releases/", LEAD),
    Place("no-match-releases", "/pipelines/releases/?q=absent", AUTHOR),
    Place("first-releases", "/pipelines/releases/", NEWCOMER),
    Place("job-environments", "/pipelines/environments/", LEAD),
    Place("no-match-job-environments", "/pipelines/environments/?q=absent", AUTHOR),
    Place("first-job-environments", "/pipelines/environments/", NEWCOMER),
    Place("first-ci-variables", "/pipelines/variables/", NEWCOMER),
    Place("ci-variable-new", "/pipelines/variables/new/?project=orders", LEAD),
    Place("no-match-ci-variables", "/pipelines/variables/?q=absent", LEAD),
    Place("no-match-pipelines", "/pipelines/?q=absent", AUTHOR),
    Place("first-pipelines", "/pipelines/", NEWCOMER),
    Place("account-token-new", "/account/tokens/new/", AUTHOR),
)


def places() -> list[Place]:
    """The fixed ones, then each line of navigation and account menu as administrator."""
    entries = [*host.navigation, *host.account]
    lines = [
        Place(entry.url_name.replace(":", "-"), address(entry.url_name))
        for entry in entries
        if address(entry.url_name) and entry.url_name != "portal:home"
    ]
    return list({place.name: place for place in (*FIXED, *lines, *objects())}.values())


def objects() -> list[Place]:
    """Pages of objects that `world.build` made."""
    dev = "/environments/orders/dev/"
    tabs = ("workloads", "resources", "variables", "events", "logs", "history", "access")
    return [
        Place("environment", dev, AUTHOR),
        *(Place(f"environment-{tab}", f"{dev}?tab={tab}", AUTHOR) for tab in tabs),
        Place("environment-databases", "/environments/orders/live/?tab=databases", AUTHOR),
        Place("environment-configuration", "/environments/orders/nightly/?tab=variables", AUTHOR),
        *(Place(f"do-{action}", f"{dev}{action}/", AUTHOR) for action in ACTIONS),
        Place("environment-share", f"{dev}share/"),
        Place("environment-access-of-administrator", f"{dev}?tab=access"),
        Place("create", "/environments/new/?blueprint=web-service-aws@1.0.0", AUTHOR),
        Place("blueprint", "/blueprints/web-service-aws/", AUTHOR),
        Place("cluster", "/clusters/local/"),
        Place("cloud-account", "/accounts/local/"),
        Place("give-up", "/give-up/orders/dev/"),
        Place("repository", "/repositories/payments/"),
        Place("repository-unconnected", "/repositories/orders/", AUTHOR),
        Place("merge-request", "/repositories/orders/merge-requests/1/", LEAD),
        Place("merge-request-new", "/repositories/orders/merge-requests/new/?source=notes", AUTHOR),
        Place("repository-connect", "/repositories/payments/connect/"),
        *(
            place
            for name, state in (("done", "succeeded"), ("ready", "ready"), ("waiting", "waiting"))
            for place in _change(name, state)
        ),
        *_subjects(),
        *_databases(),
        *_pipelines(),
        *_imports(),
        *_reports(),
        *_gates(),
        *_variables(),
        Place("plan-with-losses", f"/changes/{_deletion().pk}/plan/", AUTHOR),
        Place("invitation", _invitation(), ""),
        Place("password-reset-confirm", _reset(), ""),
        Place("waiting-for-lead", "/inbox/", LEAD),
        Place("audit-of-auditor", "/audit/", AUDITOR),
    ]


def _subjects() -> list[Place]:
    rows = {row.name: row for row in Subject.objects.filter(context__name=".")}
    orders, customers = page_of(rows[ORDERS]), page_of(rows["customers-value"])
    forms = ("edit", "lifecycle", "delete")
    return [
        Place("subject", orders, AUTHOR),
        Place("subject-slashed", page_of(rows[SLASHED]), AUTHOR),
        Place("subject-referenced", page_of(rows["shop/money.proto"]), AUTHOR),
        Place("subject-deleted", page_of(rows["spike-value"]), AUTHOR),
        Place("subject-differences", f"{orders}?tab=differences", AUTHOR),
        Place("subject-breaks", f"{customers}?tab=differences&whole=1", AUTHOR),
        Place("subject-dependants", f"{page_of(rows['orders-value'])}?tab=dependants", AUTHOR),
        Place("subject-dependants-none", f"{customers}?tab=dependants", AUTHOR),
        Place("subject-data", f"{orders}?tab=data", AUTHOR),
        Place("subject-openapi", page_of(rows["orders-api"]), AUTHOR),
        Place("subject-openapi-diff", f"{page_of(rows['orders-api'])}?tab=differences", AUTHOR),
        Place("subject-history", f"{orders}?tab=history"),
        Place("subject-settings", page_of(rows[ORDERS], "settings"), LEAD),
        *(Place(f"subject-{form}", page_of(rows[ORDERS], form), AUTHOR) for form in forms),
        Place("schemas-sunsets", "/schemas/sunsets/", AUTHOR),
        Place("environment-schemas", "/environments/orders/dev/?tab=schemas", AUTHOR),
        Place("environment-schemas-none", "/environments/orders/nightly/?tab=schemas", AUTHOR),
        Place("policies", "/schemas/policies/"),
        Place("policies-none", "/schemas/policies/", NEWCOMER),
        Place("policy-new", "/schemas/policies/new/"),
        Place("policy", "/schemas/policies/documented/", AUTHOR),
        Place("policy-edit", "/schemas/policies/personal-data/edit/"),
        Place("policy-delete", "/schemas/policies/personal-data/delete/"),
        Place("subject-policies", f"{page_of(rows['orders-value'])}?tab=policies", AUTHOR),
        Place("subject-tagged", f"{customers}?tab=policies", AUTHOR),
        Place(
            "tag-removal",
            f"{page_of(rows['customers-value'], 'tag-removal')}?path=email&tag=PII",
            AUTHOR,
        ),
        Place("schemas-compare", f"/schemas/compare/?subject={ORDERS}", AUTHOR),
        Place("schemas-no-match", "/schemas/?q=absent", AUTHOR),
        Place("schemas-deleted", "/schemas/?deleted=1", AUTHOR),
        Place("component-schemas", "/catalog/orders-api/?tab=schemas", AUTHOR),
    ]


def _gates() -> list[Place]:
    one = "/pipelines/gates/orders-production/"
    return [
        Place("gates-none", "/pipelines/gates/", NEWCOMER),
        Place("gate-new", "/pipelines/gates/new/", LEAD),
        Place("gate", one, AUTHOR),
        Place("gate-edit", f"{one}edit/", LEAD),
        Place("gate-delete", f"{one}delete/", LEAD),
    ]


def _variables() -> list[Place]:
    plain = f"/pipelines/variables/{Variable.objects.get(name='REGISTRY_URL').pk}/"
    hidden = (
        f"/pipelines/variables/{Variable.objects.get(name='REGISTRY_TOKEN', environment='*').pk}/"
    )
    return [
        Place("ci-variable", f"{plain}?value=shown", LEAD),
        Place("ci-variable-hidden", hidden, LEAD),
        Place("ci-variable-edit", f"{hidden}edit/", LEAD),
        Place("ci-variable-delete", f"{hidden}delete/", LEAD),
    ]


def _reports() -> list[Place]:
    flaky = TestCase.objects.get(name="test_waits_for_the_payment").pk
    branch = Report.objects.exclude(ref="notes").get(kind="diff").commit
    return [
        Place("tests-none", "/pipelines/tests/", NEWCOMER),
        Place("tests-no-match", "/pipelines/tests/?q=absent", AUTHOR),
        Place("test", f"/pipelines/tests/{flaky}/", LEAD),
        Place("test-quarantine", f"/pipelines/tests/{flaky}/quarantine/", LEAD),
        Place("commit", f"/pipelines/commits/orders/{branch}/", AUTHOR),
        Place("component-tests", "/catalog/orders-api/?tab=tests", AUTHOR),
    ]


def _imports() -> list[Place]:
    run = ImportRun.objects.get()
    return [
        Place("imports", "/schemas/imports/"),
        Place("import-new", "/schemas/imports/new/"),
        Place("import-archive", "/schemas/imports/new/?from=archive"),
        Place("import", f"/schemas/imports/{run.pk}/"),
    ]


def _pipelines() -> list[Place]:
    rows = {row.status: row.pk for row in Pipeline.objects.all()}
    unit = Job.objects.get(name="unit", pipeline=rows["failed"])
    build = Job.objects.get(name="build", pipeline=rows["failed"])
    schedule = f"/pipelines/schedules/{Schedule.objects.earliest('pk').pk}/"
    bundle = f"/pipelines/board/bundles/{Bundle.objects.get().pk}/"
    place = (
        Environment.objects.filter(project__name="orders", tier="development").earliest("pk").name
    )
    return [
        *(Place(f"pipeline-{name}", f"/pipelines/{pk}/", AUTHOR) for name, pk in rows.items()),
        Place("pipeline-of-viewer", f"/pipelines/{rows['manual']}/", VIEWER),
        Place("job", f"/pipelines/jobs/{unit.pk}/", AUTHOR),
        Place("job-artifact", f"/pipelines/jobs/{build.pk}/artifacts/archive/?folder=out", AUTHOR),
        Place("job-search", f"/pipelines/jobs/{unit.pk}/?q=passed", AUTHOR),
        Place("agent", f"/pipelines/agents/{Agent.objects.earliest('pk').pk}/", LEAD),
        Place("schedule", schedule, AUTHOR),
        Place("schedule-edit", f"{schedule}edit/", AUTHOR),
        Place("schedule-of-viewer", schedule, VIEWER),
        Place("board", "/pipelines/board/?project=orders", AUTHOR),
        Place("board-first", "/pipelines/board/", NEWCOMER),
        Place("board-of-viewer", "/pipelines/board/?project=orders", VIEWER),
        Place("bundle", bundle, AUTHOR),
        Place("bundle-promote", f"{bundle}promote/?to={place}", AUTHOR),
        Place("component-pipelines", "/catalog/orders-api/?tab=pipelines", AUTHOR),
    ]


def _databases() -> list[Place]:
    full, empty = (f"/databases/{Database.objects.get(name=n).pk}/" for n in ("main", "empty"))
    staging = DatabaseInstance.objects.get(database__name="main", scope__name="staging").pk
    ledger = f"/databases/{Database.objects.get(name='ledger').pk}/"
    tabs = ("schema", "differences", "versions", "readers")
    return [
        Place("database", full, AUTHOR),
        Place("database-managed", full),
        *(Place(f"database-{tab}", f"{full}?tab={tab}", AUTHOR) for tab in tabs),
        Place("database-behind", ledger, AUTHOR),
        Place("database-findings", f"{ledger}?tab=versions", AUTHOR),
        Place("database-in-part", f"{ledger}?tab=differences&from=staging&to=2", AUTHOR),
        Place("database-empty", empty, AUTHOR),
        *(Place(f"database-empty-{tab}", f"{empty}?tab={tab}", AUTHOR) for tab in tabs),
        *(Place(f"database-{form}", f"{full}{form}/") for form in ("declare", "edit", "delete")),
        *(
            Place(
                f"database-declaration-{row.state}",
                f"/databases/{row.database_id}/declarations/{row.pk}/",
                AUTHOR,
            )
            for row in Declaration.objects.exclude(state="declared")
        ),
        Place("database-place-new", f"{full}places/new/"),
        *(
            Place(f"database-place-{do}", f"{full}places/{staging}/{do}/")
            for do in ("edit", "delete")
        ),
        Place("database-new", "/databases/new/"),
        Place("migration-lint", "/databases/lint/", AUTHOR),
        Place("databases-no-match", "/databases/?q=absent", AUTHOR),
    ]


def _deletion() -> Change:
    return Change.objects.get(verb="environment.delete")


def _invitation() -> str:
    """The path of a new invitation's link."""
    _, link = invite(actor(ADMINISTRATOR), email="ines.invited@example.test")
    return link[link.index("/invitations/") :]


def _reset() -> str:
    user = User.objects.get(username="paula.pay")  # no place is hers: a sign-in ends the link
    key = urlsafe_base64_encode(force_bytes(user.pk))
    return f"/password-reset/{key}/{default_token_generator.make_token(user)}/"


def _change(name: str, state: str) -> list[Place]:
    change = Change.objects.filter(state=state).order_by("pk")[0]
    return [
        Place(f"change-{name}", f"/changes/{change.pk}/", AUTHOR),
        Place(f"plan-{name}", f"/changes/{change.pk}/plan/", AUTHOR),
    ]
