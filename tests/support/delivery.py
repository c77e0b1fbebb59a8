"""From a push to what runs: what whole stories of delivery share.

What runs is looked up with kubectl, never through our own code.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deploy import scene
from deploy.testbed.control_plane import ControlPlane
from tests.support.installation import Running


def image_of(plane: ControlPlane, name: str) -> str:
    """What the environment's one Deployment runs."""
    (space,) = plane.items("namespaces", "-l", f"slipway.dev/environment={name}")
    (found,) = plane.items("deployments", "-n", space["metadata"]["name"])
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def until(read: Callable[[], Any], holds: Callable[[Any], bool], seconds: float = 180) -> Any:
    end = time.monotonic() + seconds
    while not holds(found := read()):
        assert time.monotonic() < end, found
        time.sleep(0.5)
    return found


def settle(running: Running, tiers: Mapping[str, str], **given: Any) -> None:
    """Environments by name and tier, production's changes with one approval, and a runner."""
    pia = running.client("pia")
    rule = {"name": "production", "scope": f"{scene.PROJECT}/production", "needed": 1}
    running.installation.extra["SLIPWAY_CI_RUNNER_PROJECTS"] = "*"
    running.installation.start("runner")
    for change in [pia.create(name, tier=tier, **given) for name, tier in tiers.items()]:
        done = pia.carry(change)
        assert done["state"] == "succeeded", done["reason"]
    pia.call("POST", "/api/v1/approval-rules/", rule)


def push(
    running: Running, person: str, files: Mapping[str, str], message: str, folder: Path
) -> str:
    """Clone into `folder`, commit the files, push; what git and Slipway said to it."""

    def git(*words: str) -> str:
        done = running.git(person, "-C", "orders", *words, folder=folder)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    running.git(person, "clone", running.repository(person), "orders", folder=folder)
    for name, text in files.items():
        (folder / "orders" / name).write_text(text)
    git("add", *files)
    git("commit", "-qm", message)
    return git("push")
