"""Jobs as pods of a cluster: makes them, looks at them, ends attempts whose pod is gone.

Level-triggered: what it does follows from the rows and from what stands in the cluster under its
labels. It may be killed between any two steps, and run twice; the next look goes on.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from idp.common.errors import Denied, NotFound, SlipwayError
from pipelines.backends import cluster
from pipelines.backends.cluster import ClusterJobs, Seen
from pipelines.fleet import manifests, reach, sessions, tokens
from pipelines.fleet.models import Agent, Pod
from pipelines.fleet.troubles import trouble
from pipelines.running.attempt import DEFAULT_SECONDS
from pipelines.runs import claiming, work
from pipelines.runs.executors import NO_POD
from pipelines.runs.models import Attempt, Job
from pipelines.runs.services.telling import tell

log = logging.getLogger(__name__)
EVERY_SECONDS = 2.0
MOST = 200  # attempts of one agent that are looked at
FIRST_WAIT, MOST_WAIT = 5.0, 120.0  # seconds before a refused pod is asked for again
GONE_AFTER = timedelta(seconds=10)  # a Job that is not seen by then is gone
_CANNOT = "Its cluster cannot be used: "
Status, State = Attempt.Status, Pod.State


def site() -> str:
    """Tells this Slipway's objects in a cluster from another one's."""
    return hashlib.sha256(settings.BASE_URL.encode()).hexdigest()[:8]


def look() -> int:
    """One look at every cluster that runs jobs; how many attempts were looked at."""
    rows = Agent.objects.filter(kind=Agent.Kind.KUBERNETES).order_by("pk")
    count = 0
    for agent in rows.select_related("cluster", "owner", "project__scope"):
        try:
            count += look_at(agent)
        except SlipwayError as error:
            log.warning("the cluster of agent %s: %s", agent.name, error.message)
            message = f"{_CANNOT}{error.message}"[:1000]
            if agent.warning != message:
                Agent.objects.filter(pk=agent.pk).update(warning=message, warned_at=timezone.now())
        except Exception:  # what one cluster answers keeps no other one waiting
            log.exception("the look at the cluster of agent %s", agent.name)
        else:
            sessions.looked(agent)
            if agent.warning.startswith(_CANNOT):
                Agent.objects.filter(pk=agent.pk).update(warning="", warned_at=None)
    return count


def look_at(agent: Agent) -> int:
    """One look at one agent's cluster; raises `BackendError` where it does not answer."""
    if agent.cluster is None:
        return 0
    jobs = cluster.of(agent.cluster)
    if not agent.paused:
        _wish(agent)
    open_ = list(_open(agent))
    try:
        seen = jobs.seen(agent.namespace, manifests.selector(agent, site()))
    except NotFound:
        seen = Seen()
    by_attempt = {_attempt(one): one for one in seen.jobs}
    pods = {_attempt(one): one for one in seen.pods}
    for row in open_:
        _advance(jobs, row, seen, by_attempt.get(row.attempt_id), pods.get(row.attempt_id))
    _tidy(jobs, agent, seen)
    return len(open_)


def _open(agent: Agent) -> QuerySet[Pod]:
    rows = Pod.objects.filter(agent=agent).exclude(state=State.ENDED).order_by("pk")
    related = ("attempt__job__pipeline__project", "agent__cluster")
    return rows.select_related(*related)[:MOST]


def _attempt(document: Mapping[str, Any]) -> int:
    text = str(document["metadata"].get("labels", {}).get(manifests.ATTEMPT, ""))
    return int(text) if text.isascii() and text.isdecimal() else 0


def _wish(agent: Agent) -> None:
    """A row for each attempt in its turn, as many as the agent may run at once."""
    free = agent.slots - Pod.objects.filter(agent=agent).exclude(state=State.ENDED).count()
    if free <= 0:
        return
    turn = claiming.in_turn(reach.of_agent(agent))[:MOST]
    taken = set(Pod.objects.filter(attempt__in=turn).values_list("attempt_id", flat=True))
    for pk in [one for one in turn if one not in taken][:free]:
        try:
            with transaction.atomic():
                Pod.objects.create(attempt_id=pk, agent=agent, prefix=tokens.new_prefix())
        except IntegrityError:
            continue  # another cluster has it, or the attempt is gone


def _advance(
    jobs: ClusterJobs, row: Pod, seen: Seen, job: dict[str, Any] | None, pod: dict[str, Any] | None
) -> None:
    attempt, name = row.attempt, manifests.name_of(row, site())
    if attempt.status in Attempt.ENDED or _taken_by_another(row):
        if job is not None:
            jobs.delete("Job", row.agent.namespace, name)
        Pod.objects.filter(pk=row.pk).update(state=State.ENDED, digest="")
    elif row.state == State.WANTED:
        _make(jobs, row)
    elif attempt.cancel:
        _cancel(jobs, row, name, job, pod)
    elif job is not None and name not in seen.secrets:
        _give_token(jobs, row, str(job["metadata"].get("uid", "")))
    elif pod is not None:
        _judge(jobs, row, pod)
    elif job is not None:
        _podless(jobs, row, job)
    elif _since(row.made_at) > GONE_AFTER:
        _gone(row)


def _taken_by_another(row: Pod) -> bool:
    """Whether another runner was faster: the pod finds nothing to do, and its end means nothing."""
    return row.attempt.status == Status.RUNNING and row.attempt.agent_id != row.agent_id


def _podless(jobs: ClusterJobs, row: Pod, job: dict[str, Any]) -> None:
    """A Job without a pod: the cluster may have said why it makes none, or that it is over."""
    meta, namespace = job["metadata"], row.agent.namespace
    if refusal := jobs.refusal(namespace, str(meta.get("uid", ""))):
        jobs.delete("Job", namespace, meta["name"])
        _again(row, refusal)
    elif _over(job):
        jobs.delete("Job", namespace, meta["name"])
        _gone(row)


def _over(job: dict[str, Any]) -> bool:
    """Whether the cluster makes no further pod of it."""
    conditions = (job.get("status") or {}).get("conditions") or []
    return any(
        one.get("type") in {"Failed", "Complete"} and one.get("status") == "True"
        for one in conditions
    )


def _judge(jobs: ClusterJobs, row: Pod, pod: dict[str, Any]) -> None:
    if found := trouble(pod):
        said = _last_words(jobs, row, pod) if row.attempt.status == Status.PENDING else ""
        sessions.lose(row.attempt_id, f"{found.message}{said}", failure=found.failure)


def _gone(row: Pod) -> None:
    """No pod is there, and none comes: somebody deleted it, or a node is lost."""
    if row.attempt.status == Status.RUNNING:
        sessions.lose(row.attempt_id, "its pod is gone from the cluster")
    else:
        _again(row, "its pod is gone from the cluster.")


def _since(moment: datetime | None) -> timedelta:
    return timezone.now() - moment if moment else GONE_AFTER * 2


def _make(jobs: ClusterJobs, row: Pod) -> None:
    if row.not_before is not None and row.not_before > timezone.now():
        return
    agent, attempt = row.agent, row.attempt
    stored = work.decode(attempt.job.work)
    timeout = float(stored.work.timeout or DEFAULT_SECONDS)
    url = settings.CI_AGENT_URL or settings.BASE_URL
    image = attempt.job.image or agent.job_image
    document = manifests.job(row, site(), url, image, timeout)
    try:
        jobs.ensure("Namespace", agent.namespace, manifests.namespace(agent))
        jobs.ensure("ServiceAccount", agent.namespace, manifests.account(agent))
        jobs.ensure("Job", agent.namespace, document)
    except Denied as error:
        _again(row, error.message)
        return
    Pod.objects.filter(pk=row.pk, state=State.WANTED).update(
        state=State.MADE, made_at=timezone.now()
    )
    found = jobs.seen(agent.namespace, manifests.selector(agent, site()))
    uid = next((one["metadata"]["uid"] for one in found.jobs if _attempt(one) == attempt.pk), "")
    if uid:
        _give_token(jobs, row, str(uid))


def _give_token(jobs: ClusterJobs, row: Pod, uid: str) -> None:
    """A new token for the attempt: the row knows it before the cluster does."""
    text, digest = tokens.new_text(row.prefix, tokens.ONE_ATTEMPT)
    Pod.objects.filter(pk=row.pk).update(digest=digest)
    jobs.replace_secret(row.agent.namespace, manifests.secret(row, site(), text, uid))


def _again(row: Pod, refusal: str) -> None:
    """Ask for the pod again after a while, longer each time; past the bound the job fails."""
    bound = timedelta(seconds=settings.CI_POD_REFUSED_SECONDS)
    if timezone.now() - row.created_at > bound:
        message = f"the cluster made no pod for it: {refusal}"
        sessions.lose(row.attempt_id, message, failure="stuck_or_timeout_failure")
        return
    wait = min(FIRST_WAIT * 2**row.tries, MOST_WAIT)
    Pod.objects.filter(pk=row.pk).update(
        state=State.WANTED, tries=row.tries + 1, reason=refusal,
        not_before=timezone.now() + timedelta(seconds=wait), made_at=None,
    )  # fmt: skip
    reason = (
        f"The cluster {row.agent.cluster} {NO_POD}: {refusal} It is asked again in"
        f" {wait:.0f} s.{_advice(row, refusal)}"
    )
    job = row.attempt.job
    if Job.objects.filter(pk=job.pk, status=Job.Status.PENDING).update(reason=reason):
        tell(job.pipeline)


def _advice(row: Pod, refusal: str) -> str:
    if "exceeded quota" not in refusal:
        return ""
    return f" A larger quota of {row.agent.namespace}, or fewer jobs at once, mend it."


def _cancel(
    jobs: ClusterJobs,
    row: Pod,
    name: str,
    job: dict[str, Any] | None,
    pod: dict[str, Any] | None,
) -> None:
    """The pod gets its signal: the agent ends the job in order, and says so itself."""
    if job is not None:
        jobs.delete("Job", row.agent.namespace, name)
    elif pod is None or trouble(pod):
        sessions.lose(row.attempt_id, "it was cancelled")


def _last_words(jobs: ClusterJobs, row: Pod, pod: Mapping[str, Any]) -> str:
    """What a pod wrote that never claimed its attempt."""
    try:
        text = jobs.log(row.agent.namespace, str(pod["metadata"]["name"])).strip()
    except SlipwayError:
        return ""
    return f"; it wrote: {text[-300:]}" if text else ""


def _tidy(jobs: ClusterJobs, agent: Agent, seen: Seen) -> None:
    """Take away what no open row stands for: left by a removal, or by a kill at a bad moment."""
    known = {_attempt(one) for one in seen.jobs}
    rows = Pod.objects.filter(agent=agent, attempt__in=known).exclude(state=State.ENDED)
    open_ = set(rows.values_list("attempt_id", flat=True))
    for one in seen.jobs:
        meta = one["metadata"]
        if _attempt(one) not in open_ and not meta.get("deletionTimestamp"):
            jobs.delete("Job", agent.namespace, meta["name"])
    names = {one["metadata"]["name"] for one in seen.jobs}
    for name in seen.secrets:
        if name not in names:
            jobs.delete("Secret", agent.namespace, name)
