"""WSGI entry point: pages, REST and the admin site in production."""

import io
import os

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "idp.settings")
application = get_wsgi_application()
# The other processes are commands, which check first; a server of WSGI does not by itself.
call_command("check", stdout=io.StringIO())  # raises SystemCheckError; warnings go to the log
