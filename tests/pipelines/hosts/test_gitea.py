"""The whole way with a real Gitea: push, pull request, webhook, pipeline, status and comment."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.testbed.git_host import GitHost
from gitops.hosted import looking, notices, services
from gitops.hosted.models import HookDelivery, HostedRepository, HostNotice
from idp.common.errors import TemporaryBackendError
from pipelines.runs.models import Pipeline
from pipelines.runs.services import planning
from tests.pipelines.runs.conftest import World

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 60
FILE = """\
unit:
  script:
    - cp report.xml out.xml
    - test ! -f broken
  artifacts: {when: always, reports: {junit: out.xml}}
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
"""
REPORT = """\
<testsuite name="unit" tests="2">
  <testcase classname="shop" name="test_sells"/>
  <testcase classname="shop" name="test_pays">{}</testcase>
</testsuite>
"""


class Shop:
    """A repository at the real host, with a clone to push from."""

    def __init__(self, host: GitHost, folder: Path, name: str) -> None:
        self.name = name
        self.path = f"{host.user}/{name}"
        auth = (host.user, host.password)
        self.http = httpx.Client(base_url=f"{host.url}/api/v1", auth=auth, timeout=20)
        self.ask("POST", "/user/repos", {"name": name, "default_branch": "main"})
        scopes = ["write:repository", "write:issue", "read:user"]
        made = self.ask("POST", f"/users/{host.user}/tokens", {"name": name, "scopes": scopes})
        self.token = str(made["sha1"])
        self.work = folder / "work"
        self.git("init", "-q", "-b", "main", str(self.work), at=folder)
        where = host.url.replace("http://", f"http://{host.user}:{self.token}@")
        self.git("remote", "add", "origin", f"{where}/{self.path}.git")

    def ask(self, method: str, path: str, data: Any = None) -> Any:
        answer = self.http.request(method, path, json=data)
        assert answer.is_success, answer.text
        return answer.json()

    def repo(self, path: str) -> Any:
        return self.ask("GET", f"/repos/{self.path}{path}")

    def git(self, *words: str, at: Path | None = None) -> str:
        identity = ["-c", "user.name=Kim", "-c", "user.email=kim@example.org"]
        done = subprocess.run(
            ["git", *identity, *words], cwd=at or self.work, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def push(self, branch: str, **files: str) -> str:
        for name, text in files.items():
            (self.work / name.replace("__", ".")).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "Change `the` $(shop)")
        self.git("push", "-q", "origin", f"HEAD:refs/heads/{branch}")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def shop(gitea: GitHost, tmp_path: Path) -> Iterator[Shop]:
    found = Shop(gitea, tmp_path, f"shop-{time.time_ns()}")
    yield found
    found.http.close()


def until(holds: Callable[[], Any], row: HostedRepository | None = None) -> Any:
    end = time.monotonic() + SECONDS
    while not (found := holds()):
        if time.monotonic() > end:
            if row is not None:
                row.refresh_from_db()
            pytest.fail(f"it did not come to that: {row.problem if row else holds}")
        time.sleep(0.05)
    return found


def worked(row: HostedRepository) -> None:
    """What a worker does with a repository when its time comes, without the waiting of a retry."""
    HostedRepository.objects.filter(pk=row.pk).update(not_before=None)
    looking.work_on(row.pk)


def taken(row: HostedRepository, kind: str) -> None:
    """Wait for a webhook of this kind, and do what a worker does with it, unless one did."""
    until(lambda: HookDelivery.objects.filter(kind=kind, handled_at=None).exists())

    def handled() -> bool:
        worked(row)
        return not HookDelivery.objects.filter(kind=kind, handled_at=None).exists()

    until(handled, row)
    for pipeline in Pipeline.objects.filter(status="created"):
        planning.work_on(pipeline.pk)


def looked(row: HostedRepository) -> None:
    """Wait for the first look, which tells of nothing: whoever does it, it has to be over."""

    def over() -> bool:
        worked(row)
        return HostedRepository.objects.filter(pk=row.pk, looked_at__isnull=False).exists()

    until(over, row)


def merged(lead: Any, row: HostedRepository, sha: str) -> None:
    """Merge from here, as soon as the host has looked at the request."""

    def done() -> bool:
        try:
            services.merge(lead, row.merge_requests.get(), sha=sha)
        except TemporaryBackendError:
            return False
        return True

    until(done, row)


def told() -> None:
    for notice in HostNotice.objects.filter(HostNotice.WORKED):
        notices.work_on(notice.pk)
    assert not HostNotice.objects.exclude(problem="").exists()


def test_from_a_push_to_the_comment(  # noqa: PLR0917 - fixtures
    gitea: GitHost, shop: Shop, hooks: str, world: World, finished: Callable[[Pipeline], Pipeline],
    lead: Any,
) -> None:  # fmt: skip
    good, bad = REPORT.format(""), REPORT.format('<failure message="no money"/>')
    shop.push("main", **{"__gitlab-ci__yml": FILE, "report__xml": good})
    row = services.connect(
        lead, world.project, kind="gitea", base_url=gitea.url, path=shop.path, token=shop.token
    )
    looked(row)
    services.set_up_hook(lead, row)
    services.set_up_hook(lead, row)
    assert len(shop.repo("/hooks")) == 1

    # A push: the pipeline runs from the mirror, and the commit says so.
    sha = shop.push("main", shop__txt="open")
    taken(row, "push")
    pipeline = finished(Pipeline.objects.get(sha=sha))
    assert pipeline.status == "success"
    assert pipeline.actor_label == f"{gitea.user}, for {lead.label}"
    told()
    (status,) = shop.repo(f"/commits/{sha}/status")["statuses"]
    assert (status["status"], status["context"]) == ("success", "slipway/pipeline")
    assert status["target_url"] == f"{hooks}/pipelines/{pipeline.pk}/"

    # A pull request with a red test: one comment, which names it.
    head = shop.push("sell", broken="yes", report__xml=bad)
    pull = shop.ask(
        "POST", f"/repos/{shop.path}/pulls", {"head": "sell", "base": "main", "title": "Sell"}
    )
    taken(row, "merge_request")
    pipeline = finished(Pipeline.objects.get(merge_request__number=pull["number"]))
    assert (pipeline.status, pipeline.head_sha) == ("failed", head)
    told()
    statuses = {one["context"]: one for one in shop.repo(f"/commits/{head}/status")["statuses"]}
    assert statuses["slipway/merge-request"]["status"] == "failure"
    (comment,) = shop.repo(f"/issues/{pull['number']}/comments")
    assert "`test_pays`" in comment["body"]
    assert f"{hooks}/pipelines/tests/" in comment["body"]

    # Mended: the same comment says so, and the request is merged from here.
    shop.git("rm", "-q", "broken")
    fixed = shop.push("sell", report__xml=good)
    until(lambda: HookDelivery.objects.filter(what__startswith="synchronized").exists())
    taken(row, "merge_request")
    pipeline = finished(Pipeline.objects.filter(merge_request__number=pull["number"]).latest("pk"))
    assert (pipeline.status, pipeline.head_sha) == ("success", fixed)
    told()
    (again,) = shop.repo(f"/issues/{pull['number']}/comments")
    assert again["id"] == comment["id"]
    assert ": passed**" in again["body"]
    merged(lead, row, fixed)
    assert shop.repo(f"/pulls/{pull['number']}")["merged"]
    assert HookDelivery.objects.filter(kind="ignored").count() == 0


def test_a_secret_that_does_not_fit(
    gitea: GitHost, shop: Shop, hooks: str, world: World, lead: Any
) -> None:
    shop.push("main", shop__txt="open")
    row = services.connect(
        lead, world.project, kind="gitea", base_url=gitea.url, path=shop.path, token=shop.token
    )
    services.set_up_hook(lead, row)
    facts = {"kind": "gitea", "base_url": gitea.url, "path": shop.path}
    services.connect(lead, world.project, **facts, webhook_secret="another-secret-of-ours")
    shop.push("main", shop__txt="shut")
    until(lambda: HostedRepository.objects.filter(refused_at__isnull=False).exists())
    row.refresh_from_db()
    assert "X-Gitea-Signature does not fit" in row.refused_reason
    assert not HookDelivery.objects.exists()
