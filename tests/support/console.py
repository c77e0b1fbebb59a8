"""A scripted Slipway behind the command line: answers by method and path, and notes each call."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import httpx
from typer.testing import CliRunner, Result

from idp.cli import arguments, build
from idp.cli.config import Config
from idp.cli.lazily import LazyClient

URL = "https://slipway.test"
TOKEN = "slp_abcdefghijkl_secret"


@dataclass
class Script:
    """`answers["GET changes/42/"]` is one answer, or a list of answers used in turn."""

    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[httpx.Request] = field(default_factory=list)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(request)
        key = f"{request.method} {request.url.path.removeprefix('/api/v1/')}"
        answer = self.answers.get(key)
        if isinstance(answer, deque):
            answer = answer.popleft() if len(answer) > 1 else answer[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        if answer is None:
            return problem(404, "not_found", f"There is no {key}.")
        return httpx.Response(200, json=answer)

    def body(self, position: int = -1) -> Any:
        return json.loads(self.calls[position].content or b"null")

    def said(self, method: str) -> list[str]:
        """Paths of the calls by this method, in order."""
        return [c.url.path.removeprefix("/api/v1/") for c in self.calls if c.method == method]


def problem(status: int, code: str, detail: str, **extra: Any) -> httpx.Response:
    body = {"type": "x", "title": "T", "status": status, "code": code, "detail": detail, **extra}
    return httpx.Response(status, json=body, headers={"Content-Type": "application/problem+json"})


def run(
    script: Script, *words: str, config: Config | None = None, typed: str | None = None
) -> Result:
    client = LazyClient(
        Config(URL, TOKEN) if config is None else config,
        transport=httpx.MockTransport(script.handle),
    )
    return CliRunner().invoke(build(client), arguments(list(words)), input=typed)
