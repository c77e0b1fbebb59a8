"""The Celery application; tasks are found in each app's `tasks` module."""

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "idp.settings")
app = Celery("slipway")
app.config_from_object(settings.CELERY)
app.autodiscover_tasks()
