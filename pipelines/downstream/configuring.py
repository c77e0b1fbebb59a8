"""The file that a pipeline is planned from: the commit's, or what a trigger job includes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pipelines.downstream.models import Downstream
from pipelines.engine import children
from pipelines.engine.children import Child
from pipelines.engine.config import FILE
from pipelines.engine.sources import Files
from pipelines.engine.values.trigger import Trigger
from pipelines.runs.models import Pipeline


def root(pipeline: Pipeline, files: Files) -> Child | None:
    """What to read, and the files in which; None where the commit has no CI file."""
    if pipeline.source != Pipeline.Source.PARENT:
        data = files.read(FILE)
        return None if data is None else Child(data, FILE, files)
    row = Downstream.objects.select_related("job").defer("job__work").get(pipeline=pipeline)
    made = {path: text.encode() for path, text in row.made.items()}
    return children.child(msgspec.convert(row.trigger, Trigger), row.job.name, files, made)


def masked(pipeline: Pipeline) -> Sequence[str]:
    """Values of an upstream's secrets that were passed to the pipeline: no log shows them."""
    if pipeline.source not in Pipeline.TRIGGERED:
        return ()
    rows = Downstream.objects.filter(pipeline=pipeline).only("secrets")
    return [value for row in rows for value in row.secrets]
