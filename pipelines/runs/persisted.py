"""The predefined variables of a pipeline that are known once its row is there."""

from __future__ import annotations

from idp.common.addresses import whole
from pipelines.runs.models import Pipeline


def of_pipeline(pipeline: Pipeline) -> dict[str, str]:
    """By name, as published.

    https://docs.gitlab.com/ci/variables/predefined_variables/
    """
    base = whole()
    return {
        "CI_PIPELINE_ID": str(pipeline.pk),
        "CI_PIPELINE_IID": str(pipeline.number),
        "CI_PIPELINE_CREATED_AT": pipeline.created_at.isoformat(),
        "CI_PIPELINE_URL": f"{base}/pipelines/{pipeline.pk}/",
        "CI_PROJECT_ID": str(pipeline.project_id),
        "CI_SERVER": "yes",
        "CI_SERVER_NAME": "Slipway",
        "CI_SERVER_URL": base,
        "SLIPWAY_URL": base,
    }
