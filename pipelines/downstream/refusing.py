"""Why a trigger job starts no pipeline: one of GitLab's failure reasons, and words.

https://docs.gitlab.com/ci/pipelines/downstream_pipelines/#troubleshooting
"""

from __future__ import annotations

NOT_FOUND = "downstream_bridge_project_not_found"
NOT_ALLOWED = "insufficient_bridge_permissions"
INVALID = "invalid_bridge_trigger"
NOT_MADE = "downstream_pipeline_creation_failed"
TOO_DEEP = "reached_max_descendant_pipelines_depth"
TOO_MANY = "reached_max_pipeline_hierarchy_size"
CIRCLE = "pipeline_loop_detected"


class Refused(Exception):
    """No pipeline is made; the text says why and what to do."""

    def __init__(self, failure: str, message: str, fix: str = "") -> None:
        super().__init__(f"{message} {fix}".strip())
        self.failure = failure
