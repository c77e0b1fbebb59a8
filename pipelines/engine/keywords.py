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
# Known to GitLab, and said by `unrun`: nothing acts on them here. Lists on the way are looked
# through, `*` is any name.
NOT_RUN = {
    "cache:unprotect": "caches of the protected branch stay apart.",
    "dast_configuration": "DAST sites and scanners are GitLab's own.",
    "environment:kubernetes": "a job is not tied to a cluster by it; its agent or runner is.",
    "identity": "Google Cloud's identity federation is GitLab's own; use id_tokens.",
    "image:docker": "no container is made by it.",
    "image:entrypoint": "the shell of the image is started.",
    "image:kubernetes": "no container is made by it.",
    "image:pull_policy": "the cluster's own policy holds.",
    "inputs": "inputs of jobs are not asked for.",
    "needs:project": "nothing is taken from another project.",
    "pages": "GitLab Pages are not published.",
    "publish": "GitLab Pages are not published.",
    "release:milestones": "there are no milestones here.",
    "run": "steps are not run; use script.",
    "services": "no container is started beside the job; start what it needs in the script.",
}
NOT_RUN_GLOBAL = {
    "types": "it is the old name of stages; write stages.",
    "variables:*:description": "who starts a pipeline is not told of it; declare spec:inputs.",
    "variables:*:options": "who starts a pipeline is not offered them; declare spec:inputs.",
}
# Of `artifacts:reports`; others are kept as files.
READ_REPORTS = frozenset(
    {"codequality", "coverage_report", "cyclonedx", "dotenv", "junit", "metrics", "sarif"}
)
DEFAULT_STAGES = ("build", "test", "deploy")
FIRST_STAGE, LAST_STAGE, DEFAULT_STAGE = ".pre", ".post", "test"
WORKFLOW = frozenset({"name", "rules", "auto_cancel"})
