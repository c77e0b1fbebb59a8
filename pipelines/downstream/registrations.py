"""What finds triggered pipelines again that no message told of."""

from __future__ import annotations

from idp.changes import controller
from pipelines.downstream import sweeping

controller.register_periodic("trigger jobs", sweeping.EVERY_SECONDS, sweeping.sweep, vital=True)
