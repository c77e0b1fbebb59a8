"""WSGI entry point: pages, REST, the admin site and the registry's wire in production."""

import io
import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "idp.settings")

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def compose(django: App, registry: App, is_ours: Callable[[str], bool]) -> App:
    """The registry for its addresses, else Django.

    The registry stands first because Django sees decoded paths only, where the slash in a subject's
    name is lost.
    """

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        found = registry if is_ours(environ.get("PATH_INFO", "")) else django
        return found(environ, start_response)

    return application


application = compose(
    get_wsgi_application(),  # first: it sets Django up, which the registry needs
    import_string("schemas.wire.wsgi.application"),
    import_string("schemas.wire.wsgi.is_ours"),
)
# The other processes are commands, which check first; a server of WSGI does not by itself.
call_command("check", stdout=io.StringIO())  # raises SystemCheckError; warnings go to the log
