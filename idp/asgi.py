"""ASGI entry point: event streams and the git endpoint; everything in `make run`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "idp.settings")
application = get_asgi_application()
