"""ASGI entry point: event streams, git and the registry's wire; everything in `make run`."""

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.core.asgi import get_asgi_application
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "idp.settings")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Connections that are held for long, or whose body Django would read too much of at once.
MOUNTS: dict[str, str] = {
    "/events/log/": "pipelines.runs.stream.application",  # before the rest of /events/
    "/events/": "idp.changes.stream.application",
    "/git/": "gitops.githttp.application",
    "/hooks/": "gitops.hosted.receiving.application",  # judges a body's length before it is read
    "/registry/": "schemas.wire.asgi.application",  # needs the path as it was sent
}


def compose(django: App, mounts: Mapping[str, App]) -> App:
    """One application: the callable of the first matching prefix, else Django."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            for prefix, mounted in mounts.items():
                if scope["path"].startswith(prefix):
                    return await mounted(scope, receive, send)
        return await django(scope, receive, send)

    return application


application = compose(
    get_asgi_application(),  # first: it sets Django up, which the mounted modules need
    {prefix: import_string(name) for prefix, name in MOUNTS.items()},
)
