"""Wake-ups for open streams: in this process, or through Redis between processes.

Rows are the truth; a wake-up that is lost costs a reader a few seconds at most.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import redis
import redis.asyncio
from django.conf import settings

log = logging.getLogger(__name__)

CHANNEL = "slipway:events"
PAUSE_AFTER_FAILURE = 5.0
MAX_WAITING = 256

Message = tuple[str, dict[str, Any]]


class Hub:
    """Passes messages from any thread to the queues of this process's event loops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: dict[asyncio.Queue[Message], asyncio.AbstractEventLoop] = {}

    @contextlib.contextmanager
    def subscribed(self) -> Iterator[asyncio.Queue[Message]]:
        """A queue that gets every message while the block runs; call it inside an event loop."""
        queue: asyncio.Queue[Message] = asyncio.Queue(MAX_WAITING)
        with self._lock:
            self._queues[queue] = asyncio.get_running_loop()
        try:
            yield queue
        finally:
            with self._lock:
                self._queues.pop(queue, None)

    def publish(self, topic: str, data: dict[str, Any]) -> None:
        with self._lock:
            readers = list(self._queues.items())
        for queue, loop in readers:
            with contextlib.suppress(RuntimeError):  # the loop ended meanwhile
                loop.call_soon_threadsafe(_offer, queue, (topic, data))


def _offer(queue: asyncio.Queue[Message], message: Message) -> None:
    with contextlib.suppress(asyncio.QueueFull):  # a slow reader reads the rows anyway
        queue.put_nowait(message)


hub = Hub()


def redis_url() -> str:
    """The address of Redis, or nothing when everything runs in one process."""
    url = str(settings.CELERY["broker_url"])
    return url if url.startswith(("redis://", "rediss://", "unix://")) else ""


class Publisher:
    """Sends to Redis without ever blocking its caller for more than a second."""

    def __init__(self) -> None:
        self._client: redis.Redis | None = None
        self._url = ""
        self._quiet_until = 0.0

    def publish(self, url: str, message: str) -> None:
        if time.monotonic() < self._quiet_until:
            return
        if self._client is None or url != self._url:
            self._client = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
            self._url = url
        try:
            self._client.publish(CHANNEL, message)
        except redis.RedisError:
            self._quiet_until = time.monotonic() + PAUSE_AFTER_FAILURE
            log.warning("Redis takes no wake-ups; streams look at the rows by themselves")


_publisher = Publisher()


def publish(topic: str, data: dict[str, Any]) -> None:
    """Wake the readers of `topic` in all processes; never raises."""
    url = redis_url()
    if url:
        _publisher.publish(url, json.dumps([topic, data]))
    else:
        hub.publish(topic, data)


async def relay() -> None:
    """Forward Redis's wake-ups to this process's hub until cancelled, connecting again for ever."""
    while True:
        client = redis.asyncio.Redis.from_url(redis_url(), socket_connect_timeout=1)
        try:
            async with client.pubsub() as channel:
                await channel.subscribe(CHANNEL)
                async for message in channel.listen():
                    if message["type"] == "message":
                        topic, data = json.loads(message["data"])
                        hub.publish(topic, data)
        except (redis.RedisError, OSError, ValueError):
            log.warning("Redis gives no wake-ups; trying again in %s s", PAUSE_AFTER_FAILURE)
        finally:
            await client.aclose()
        await asyncio.sleep(PAUSE_AFTER_FAILURE)
