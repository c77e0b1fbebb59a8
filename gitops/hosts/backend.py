"""`git http-backend` (git-http-backend(1)), started for one request of the git endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from gitops.hosts import program

HIDDEN = "refs/slipway"


def _configuration(largest: int) -> dict[str, str]:
    """Git's settings for a served repository, handed over in the environment."""
    values = {
        "http.receivepack": "true",
        "http.getanyfile": "false",
        "transfer.hideRefs": HIDDEN,
        "receive.fsckObjects": "true",
        "receive.maxInputSize": str(largest),
        "receive.advertisePushOptions": "false",
        "receive.autogc": "false",
        "core.alternateRefsCommand": "true",
    }
    found = {"GIT_CONFIG_COUNT": str(len(values))}
    for index, (key, value) in enumerate(values.items()):
        found[f"GIT_CONFIG_KEY_{index}"] = key
        found[f"GIT_CONFIG_VALUE_{index}"] = value
    return found


async def spawn(
    repository: Path, *, path: str, largest: int, variables: Mapping[str, str]
) -> asyncio.subprocess.Process:
    """The running program, its pipes open, in a process group of its own."""
    return await asyncio.create_subprocess_exec(
        program.executable(),
        "http-backend",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        env=program.environment(
            {
                "GIT_PROJECT_ROOT": str(repository.parent),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": f"/{repository.name}/{path}",
                **_configuration(largest),
                **variables,
            }
        ),
    )
