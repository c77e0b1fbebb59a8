"""A publisher of its own process: registers texts one after the other until each is answered.

    python -m tests.schemas.publisher URL SUBJECT FIRST COUNT     the token stands in REGISTRY_TOKEN

Writes one JSON line for each answer. Broken connections and "try again" are tried again.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx

SECONDS = 120.0
AGAIN = frozenset({502, 503})


def text(number: int) -> str:
    """A record that gets on with every other one: its own optional field."""
    fields = [
        {"name": "id", "type": "int"},
        {"name": f"f{number}", "type": "string", "default": ""},
    ]
    return json.dumps({"type": "record", "name": "Raced", "fields": fields})


def register(client: httpx.Client, subject: str, number: int) -> dict[str, Any]:
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        try:
            answer = client.post(f"/subjects/{subject}/versions", json={"schema": text(number)})
        except httpx.TransportError:
            time.sleep(0.1)
            continue
        if answer.status_code not in AGAIN:
            return {"number": number, "status": answer.status_code, **answer.json()}
        time.sleep(0.05)
    raise SystemExit(f"{number} was not answered within {SECONDS:g} s")


def publish(url: str, subject: str, numbers: range) -> Iterator[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {os.environ['REGISTRY_TOKEN']}"}
    with httpx.Client(base_url=url, headers=headers, timeout=20) as client:
        for number in numbers:
            yield register(client, subject, number)


def main(url: str, subject: str, first: str, count: str) -> None:
    for answer in publish(url, subject, range(int(first), int(first) + int(count))):
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
