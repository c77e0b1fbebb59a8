import asyncio
from typing import Any

from idp.asgi import compose


def named(name: str, calls: list[str]) -> Any:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        calls.append(f"{name} {scope['type']}")

    return application


def test_prefixes_go_to_their_own_application_and_the_rest_to_django() -> None:
    calls: list[str] = []
    mounts = {"/events/": named("events", calls), "/git/": named("git", calls)}
    application = compose(named("django", calls), mounts)
    for scope in (
        {"type": "http", "path": "/events/"},
        {"type": "http", "path": "/git/orders.git/info/refs"},
        {"type": "http", "path": "/gitops/"},
        {"type": "lifespan"},
    ):
        asyncio.run(application(scope, None, None))  # type: ignore[arg-type]
    assert calls == ["events http", "git http", "django http", "django lifespan"]
