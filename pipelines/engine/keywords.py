"""The keywords of GitLab's reference: which we run, which are known and not run, which must go.

https://docs.gitlab.com/ci/yaml/
"""

from __future__ import annotations

GLOBAL = frozenset({"default", "include", "stages", "variables", "workflow", "spec"})
GLOBAL_DEPRECATED = frozenset(
    {"image", "services", "cache", "before_script", "after_script", "types"}
)
DEFAULTS = frozenset(
    {
        "after_script",
        "artifacts",
        "before_script",
        "cache",
        "hooks",
        "id_tokens",
        "identity",
        "image",
        "interruptible",
        "retry",
        "services",
        "tags",
        "timeout",
    }
)
JOB = DEFAULTS | frozenset(
    {
        "allow_failure",
        "coverage",
        "dast_configuration",
        "dependencies",
        "environment",
        "except",
        "extends",
        "inherit",
        "inputs",
        "manual_confirmation",
        "needs",
        "only",
        "pages",
        "parallel",
        "publish",
        "release",
        "resource_group",
        "rules",
        "run",
        "script",
        "secrets",
        "stage",
        "start_in",
        "trigger",
        "variables",
        "when",
    }
)
# Known to GitLab, and said by the linter: nothing acts on them here.
NOT_RUN = {
    "dast_configuration": "DAST sites and scanners are GitLab's own.",
    "identity": "Google Cloud's identity federation is GitLab's own; use id_tokens.",
    "inputs": "Inputs of jobs are not asked for.",
    "pages": "GitLab Pages are not published.",
    "publish": "GitLab Pages are not published.",
    "run": "Steps are not run; use script.",
}
# Of `artifacts:reports`; others are kept as files.
READ_REPORTS = frozenset(
    {"codequality", "coverage_report", "cyclonedx", "dotenv", "junit", "metrics", "sarif"}
)
DEFAULT_STAGES = ("build", "test", "deploy")
FIRST_STAGE, LAST_STAGE, DEFAULT_STAGE = ".pre", ".post", "test"
WORKFLOW = frozenset({"name", "rules", "auto_cancel"})
