"""The Celery application; tasks are found in each app's `tasks` module."""

import os
import time
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun
from django.conf import settings

from idp.common.metrics import JOB_SECONDS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "idp.settings")
app = Celery("slipway")
app.config_from_object(settings.CELERY)
app.autodiscover_tasks()

_started: dict[str, float] = {}


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """A receiver here keeps Celery from putting its own handlers in place of ours."""


@task_prerun.connect
def note_start(task_id: str = "", **_: Any) -> None:
    _started[task_id] = time.monotonic()


@task_postrun.connect
def count(task_id: str = "", task: Any = None, state: str = "", **_: Any) -> None:
    started = _started.pop(task_id, None)
    if started is not None:
        JOB_SECONDS.labels(task.name, str(state).lower()).observe(time.monotonic() - started)
