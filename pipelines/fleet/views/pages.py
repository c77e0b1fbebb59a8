"""Agents as pages: who runs jobs, attach one, pause, rotate its token, remove it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from idp.common.addresses import whole
from idp.common.errors import SlipwayError
from idp.common.host import Page
from pipelines.fleet import selectors, services
from pipelines.fleet.models import MAX_NAME, Agent
from pipelines.permissions import MANAGE, VIEW
from pipelines.runs.addresses import page_of
from portal.forms import ServiceForm
from rbac.access import held_anywhere, visible
from rbac.actors import Actor
from rbac.models import Project
from rbac.views.mixins import AccessMixin

MOST = 200
LIST = "pipelines:agents"
API = "/api/v1/agents/"
LOOKS = {
    "online": ("active", "Online"),
    "offline": ("lost", "Offline"),
    "paused": ("suspended", "Paused"),
    "new": ("new", "Never seen"),
}


def shown(agent: Agent) -> dict[str, Any]:
    """An agent as a row of the table shows it."""
    look, label = LOOKS[selectors.state(agent)]
    return {
        "agent": agent,
        "url": reverse("pipelines:agent", args=[agent.pk]),
        "look": look,
        "label": label,
        "scope": agent.project.name if agent.project else f"all of {agent.owner.username}",
    }


def commands(project: str = "PROJECT") -> list[str]:
    """The two commands that attach a machine."""
    base = whole()
    return [
        f"slipway agent register NAME --project {project} --tags linux",
        f"slipway agent run --url {base} --token-file slipway-agent.token",
    ]


def managed(actor: Actor) -> QuerySet[Project]:
    return visible(actor, MANAGE, Project.objects.all()).order_by("name")


class AgentList(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = list(selectors.agents(self.actor).order_by("name")[:MOST])
        names = list(managed(self.actor).values_list("name", flat=True)[:1])
        context = {
            "page": Page("Agents", api=API, permission=VIEW, nav=LIST),
            "rows": [shown(row) for row in rows],
            "allowed": bool(rows) or held_anywhere(self.actor, VIEW),
            "may_add": bool(names),
            "commands": commands(*names),
        }
        return render(request, "pipelines/agents/list.html", context)


class AgentPage(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        agent = selectors.agent(self.actor, pk)
        running = list(selectors.running(agent)[: selectors.MAX_RUNNING])
        mine = visible(self.actor, VIEW, selectors.running(agent))
        seen = set(mine.values_list("pk", flat=True))
        context = {
            **shown(agent),
            "page": _page(agent.name, f"{API}{pk}/"),
            "running": [
                {"attempt": row, "url": page_of(row.job)} for row in running if row.pk in seen
            ],
            "hidden": sum(row.pk not in seen for row in running),
            "may_manage": selectors.manages(self.actor, agent),
            "facts": _facts(agent),
            "losing": _losing(len(running)),
        }
        return render(request, "pipelines/agents/agent.html", context)


def _page(title: str, api: str, permission: str = VIEW) -> Page:
    return Page(title, [("Agents", reverse(LIST))], api=api, permission=permission, nav=LIST)


def _facts(agent: Agent) -> list[tuple[str, str]]:
    images = "run in its shell" if agent.ignores_images else "are left to others"
    own = [
        ("Version", agent.version or "not known yet"),
        ("Address", agent.address or "not known yet"),
        ("Jobs with an image", images),
    ]
    if agent.kind == Agent.Kind.KUBERNETES:
        own = [
            ("Cluster", str(agent.cluster)),
            ("Namespace", agent.namespace),
            ("Agent’s image", agent.agent_image),
            ("Image of jobs that name none", agent.job_image or "none: such jobs wait"),
            ("CPU and memory of each", f"{agent.cpu or 'any'}, {agent.memory or 'any'}"),
        ]
    return [
        ("Runs jobs of", str(shown(agent)["scope"])),
        ("Attached by", agent.owner.username),
        ("Jobs at once", str(agent.slots)),
        *own,
    ]


def _losing(count: int) -> str:
    """What is lost when it is removed."""
    jobs = f"{count} running jobs fail as a lost runner’s. " if count else "No job runs on it now. "
    return (
        f"{jobs}Its token is dead at once. Jobs that only it takes wait until another agent has its"
        " tags. Logs and artifacts of what it ran stay."
    )


class AgentForm(ServiceForm):
    """A machine to attach; its service judges the values."""

    name = forms.CharField(max_length=MAX_NAME, help_text="Like “build-3”.")
    project: forms.ModelChoiceField[Project] = forms.ModelChoiceField(
        None,
        to_field_name="name",
        required=False,
        empty_label="All that I manage",
        help_text="Whose jobs it runs.",
    )
    tags = forms.CharField(
        required=False, max_length=2000, help_text="Words by which jobs ask for it, with spaces."
    )
    slots = forms.IntegerField(
        initial=1, min_value=1, max_value=services.MAX_SLOTS, label="Jobs at once"
    )
    description = forms.CharField(required=False, max_length=200)

    def __init__(self, *args: Any, projects: QuerySet[Project], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["project"].queryset = projects  # type: ignore[attr-defined]  # a model's choice

    def clean_tags(self) -> list[str]:
        return str(self.cleaned_data["tags"]).replace(",", " ").split()


class AgentNew(AccessMixin):
    permission = MANAGE
    anywhere = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(request, AgentForm(projects=managed(self.actor)))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = AgentForm(request.POST, projects=managed(self.actor))
        if form.is_valid():
            try:
                agent, text = services.create(self.actor, **form.cleaned_data)
            except SlipwayError as error:
                form.take(error)
            else:
                return told(request, agent, text)
        return self._show(request, form, status=422)

    def _show(self, request: HttpRequest, form: AgentForm, status: int = 200) -> HttpResponse:
        page = _page("Attach an agent", API, MANAGE)
        context = {"page": page, "form": form, "back": reverse(LIST)}
        return render(request, "pipelines/agents/new.html", context, status=status)


def told(request: HttpRequest, agent: Agent, text: str) -> HttpResponse:
    """The page that shows a token, this once."""
    context = {
        **shown(agent),
        "page": _page(f"Token of {agent.name}", f"{API}{agent.pk}/token/", MANAGE),
        "text": text,
        "command": commands()[1],
    }
    answer = render(request, "pipelines/agents/token.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


class ActOnAgent(AccessMixin):
    """Pause, let go on, rotate the token, remove."""

    permission = MANAGE
    action = ""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        if self.action == "token":
            return told(request, *services.rotate(self.actor, pk))
        if self.action == "remove":
            services.delete(self.actor, pk)
            return redirect(LIST)
        services.update(self.actor, pk, paused=self.action == "pause")
        return redirect("pipelines:agent", pk)


ACTIONS = ("pause", "resume", "token", "remove")
