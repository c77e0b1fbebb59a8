"""Pages of merge requests in own repositories: the form, one with its conversation, and acts."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from gitops.hosted import selectors as projects
from gitops.hosted.services import PUSH, READ
from gitops.judging import may_push, require_push
from gitops.models import HostedMergeRequest
from gitops.review import merging, selectors, services
from gitops.review.addresses import page_of
from gitops.review.following import on_disk
from gitops.review.forms import RequestForm
from idp.common import host
from idp.common.errors import Forbidden, NotVisible, SlipwayError
from idp.common.host import Page
from rbac.access import can
from rbac.actors import Actor
from rbac.models import Project
from rbac.views import AccessMixin

ENTITY = "merge_request"
ACTIONS = ("approve", "withdraw", "merge", "close", "reopen")
_LIST = "gitops:repositories"
_COMMENTS = 200
State = HostedMergeRequest.State


def _page(title: str, project: str, api: str, permission: str) -> Page:
    crumbs = [
        ("Repositories", reverse(_LIST)),
        (project, reverse("gitops:repository", args=[project])),
    ]
    return Page(title, crumbs, api=api, permission=permission, nav=_LIST)


def _api(project: str) -> str:
    return f"/api/v1/repositories/{project}/merge-requests/"


class NewRequest(AccessMixin):
    """GET asks for branches and words, POST opens the request."""

    permission = PUSH

    def get(self, request: HttpRequest, project: str) -> HttpResponse:
        found = self._open(project)
        branches = _branches(found)
        source = request.GET.get("source", "")
        first = {"target_branch": "main"}
        if source in branches:
            first |= {"source_branch": source, "title": _title(found, source)}
        return self._show(request, found, RequestForm(initial=first, branches=branches))

    def post(self, request: HttpRequest, project: str) -> HttpResponse:
        found = self._open(project)
        form = RequestForm(request.POST, branches=_branches(found))
        if form.is_valid():
            try:
                made = services.open_request(self.actor, found, **form.cleaned_data)
            except SlipwayError as error:
                form.take(error)
            else:
                return redirect(page_of(made))
        return self._show(request, found, form, status=422)

    def _open(self, project: str) -> Project:
        found = projects.project(self.actor, project)
        require_push(self.actor, found)
        return found

    def _show(
        self, request: HttpRequest, found: Project, form: RequestForm, status: int = 200
    ) -> HttpResponse:
        context = {
            "page": _page("Open a merge request", found.name, _api(found.name), self.permission),
            "project": found,
            "form": form,
        }
        return render(request, "gitops/merge_request_new.html", context, status=status)


def _branches(project: Project) -> list[str]:
    here = on_disk(project)
    return here.branches() if here.made else []


def _title(project: Project, branch: str) -> str:
    """The newest commit's subject: what people mostly call it."""
    here = on_disk(project)
    found = here.ahead("refs/heads/main", f"refs/heads/{branch}", most=1)
    return found[0].subject[: services.MAX_TITLE] if found else ""


class RequestPage(AccessMixin):
    """One merge request: what it brings, how its pipeline went, and what people say."""

    permission = READ

    def get(self, request: HttpRequest, project: str, number: int) -> HttpResponse:
        found = selectors.request(self.actor, project, number)
        approvals = list(selectors.approvals(found))
        mine = any(one.person_id == _person(self.actor) for one in approvals)
        writes = may_push(self.actor, found.project)
        context = {
            "page": _page(f"{found.title}", project, f"{_api(project)}{number}/", self.permission),
            "row": found,
            "look": selectors.look(found),
            "approvals": approvals,
            "comments": list(selectors.comments(found)[:_COMMENTS]),
            "parts": self._parts(found),
            "may_write": writes,
            "mine": mine,
            "no_approval": selectors.why_not_approve(self.actor, found) if writes else "",
            "branch": f"refs/heads/{found.source_branch}",
        }
        return render(request, "gitops/merge_request.html", context)

    def _parts(self, found: HostedMergeRequest) -> list[dict[str, Any]]:
        """What upper apps show of it."""
        return [
            {"tab": tab, "context": tab.context(self.actor, found)}
            for tab in host.entity_tabs.of(ENTITY)
            if not tab.permission or can(self.actor, tab.permission, found.project.scope)
        ]


def _person(actor: Actor) -> int | None:
    return actor.user.pk if actor.user else None


class ActOnRequest(AccessMixin):
    """POST approves, merges, closes or opens again; what is refused stands on the page."""

    permissions = {"POST": PUSH}
    action = ""

    def post(self, request: HttpRequest, project: str, number: int) -> HttpResponse:
        found = selectors.request(self.actor, project, number)
        try:
            self._act(request, found)
        except (Forbidden, NotVisible):
            raise
        except SlipwayError as error:
            messages.error(request, f"{error.message} {error.fix}".strip())
        return redirect(page_of(found))

    def _act(self, request: HttpRequest, found: HostedMergeRequest) -> None:
        sha = request.POST.get("sha", "")
        if self.action == "approve":
            services.approve(self.actor, found, sha=sha)
            messages.success(request, "Approved, until new commits come.")
        elif self.action == "withdraw":
            services.withdraw(self.actor, found)
            messages.success(request, "Your approval is taken back.")
        elif self.action == "merge":
            done = merging.merge(
                self.actor,
                found,
                sha=sha,
                method=request.POST.get("method", "merge"),
                delete_source=bool(request.POST.get("delete_source")),
            )
            said = " ".join(line.removeprefix("Slipway: ") for line in done.lines)
            messages.success(request, f"Merged into {found.target_branch}. {said}".strip())
        elif self.action == "close":
            services.close(self.actor, found)
        else:
            services.reopen(self.actor, found)


class CommentOnRequest(ActOnRequest):
    """POST adds a comment, by whoever reads it."""

    permissions = {"POST": READ}

    def _act(self, request: HttpRequest, found: HostedMergeRequest) -> None:
        services.comment(self.actor, found, request.POST.get("body", ""))
