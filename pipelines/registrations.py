"""What this app hands to others when Django starts."""

from gitops import listeners
from gitops.hosted import notices
from idp.changes import controller, events
from pipelines import permissions
from pipelines.deploys import registrations as _deploys  # noqa: F401  # registers its gate and pages
from pipelines.downstream import registrations as _downstream  # noqa: F401  # finds trigger jobs
from pipelines.environs import registrations as _environs  # noqa: F401  # registers its pages
from pipelines.evidence import registrations as _evidence  # noqa: F401  # registers its gate
from pipelines.executors import caches
from pipelines.fleet import registrations as _fleet  # noqa: F401  # registers agents
from pipelines.releases import registrations as _releases  # noqa: F401  # registers its page
from pipelines.reports import registrations as _reports  # noqa: F401  # registers reports' parts
from pipelines.retention import registrations as _retention  # noqa: F401  # registers its sweep
from pipelines.running import sweeping
from pipelines.runs import pushes, reporting, requests
from pipelines.runs import registrations as _runs  # noqa: F401  # registers its pages' parts
from pipelines.runs.services import advancing, due, ending, expiring, merging, planning
from pipelines.runs.services.telling import PIPELINE, REQUEST, TOPIC
from pipelines.schedules import registrations as _schedules  # noqa: F401  # registers schedules
from pipelines.variables import registrations as _variables  # noqa: F401  # registers its pages

__all__ = ["permissions"]
EVERY_SECONDS = 5.0
controller.register_periodic("pipelines to plan", EVERY_SECONDS, planning.sweep, vital=True)
controller.register_periodic("lost attempts", EVERY_SECONDS, ending.end_lost, vital=True)
controller.register_periodic("delayed jobs", EVERY_SECONDS, due.begin, vital=True)
controller.register_periodic("free resource groups", EVERY_SECONDS, advancing.free_groups)
controller.register_periodic("expired artifacts", expiring.EVERY_SECONDS, expiring.expire)
controller.register_periodic("orphaned content", expiring.EVERY_SECONDS, expiring.sweep_orphans)
controller.register_periodic("old caches", sweeping.EVERY_SECONDS, caches.sweep)
events.register_list(TOPIC, permissions.VIEW)
listeners.register(
    on_pushed=pushes.pushed, on_merge_request=merging.told, on_merging=requests.against_merging
)
notices.register(PIPELINE, reporting.of_pipeline)
notices.register(REQUEST, reporting.of_request)
