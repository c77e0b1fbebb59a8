"""`make faults`: many creations while processes are killed at random instants, then an audit.

Two rounds. In the first, workers and the controller get SIGKILL; in the second Redis too, which
comes back empty. The web server, PostgreSQL, moto and the Kubernetes control plane stay up. The
audit asks kubectl, boto3 and git only: every creation is there once and Ready, by one commit, or
failed with a reason and left nothing; nothing exists that nobody asked for. A round in which some
victim was never killed proves nothing and fails.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from deploy import scene
from deploy.processes import Installation
from deploy.servers import start_moto, start_postgres, start_redis
from deploy.supervisor import Program, Supervisor, terminated_like_interrupted
from deploy.testbed import control_plane

WORKERS = 2
AT_ONCE = 8
SETTLE_SECONDS = 600.0
SOON = (0.2, 1.0)  # seconds before each of the first kills, one for every victim
PAUSE = (0.3, 3.0)  # between two later kills, in times that a process needs to start
AWS: dict[str, Any] = {
    "region_name": "eu-central-1",
    "aws_access_key_id": "x",
    "aws_secret_access_key": "x",
}


@dataclass
class Killer:
    """Kills one victim's process group after another at random instants; starts each again.

    Every victim has its turn once, soon, then whoever is drawn. Runs in the main thread: what a
    thread starts is bound to the thread's life.
    """

    supervisor: Supervisor
    victims: list[Program]
    chance: random.Random
    start_seconds: float  # a victim that never gets up again proves nothing
    kills: Counter[str] = field(default_factory=Counter)

    def harass(self, done: threading.Event) -> None:
        """Kill and start again until `done`; at the end every victim runs."""
        turns = self.chance.sample(range(len(self.victims)), len(self.victims))
        while not done.wait(self._pause(first=bool(turns))):
            number = turns.pop() if turns else self.chance.randrange(len(self.victims))
            victim = self.victims[number]
            victim.signal(signal.SIGKILL)
            victim.process.wait(10)
            self.kills[kind_of(victim)] += 1
            done.wait(self.chance.uniform(0, 1))
            self.victims[number] = self.supervisor.restart(victim)

    def _pause(self, *, first: bool) -> float:
        if first:
            return self.chance.uniform(*SOON)
        return self.chance.uniform(*PAUSE) * self.start_seconds

    @property
    def spared(self) -> list[str]:
        """Kinds of victims that were never killed."""
        return sorted({kind_of(victim) for victim in self.victims} - set(self.kills))


def kind_of(victim: Program) -> str:
    return victim.name.rstrip("0123456789-")


@dataclass
class World:
    """What stays up, and what was asked for in it."""

    installation: Installation
    plane: control_plane.ControlPlane
    aws: str
    clients: dict[str, scene.Client]
    start_seconds: float
    asked: dict[str, dict[str, Any]] = field(default_factory=dict)  # in all rounds


def create_all(world: World, names: list[str]) -> dict[str, dict[str, Any]]:
    """The final change of each creation, by environment."""
    client = world.clients["dana"]

    def one(name: str) -> tuple[str, dict[str, Any]]:
        try:
            return name, client.carry(client.create(name), SETTLE_SECONDS)
        except (scene.Refused, TimeoutError) as error:
            return name, {"id": None, "state": "lost", "reason": str(error)}

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(pool.map(one, names))


def audit(world: World, asked: dict[str, dict[str, Any]]) -> list[str]:
    """Each thing that is not as it should be, in words."""
    namespaces: dict[str, list[str]] = {}
    for item in world.plane.items("namespaces", "-l", "slipway.dev/environment"):
        label = item["metadata"]["labels"]["slipway.dev/environment"]
        namespaces.setdefault(label, []).append(item["metadata"]["name"])
    cloud = _aws_names(world.aws)
    directories = _directories(world)
    wrong = []
    for name, change in sorted(asked.items()):
        ours = namespaces.get(name, [])
        made = {
            "namespace": len(ours),
            "directory in git": int(name in directories),
            **{kind: sum(_belongs(x, name) for x in found) for kind, found in cloud.items()},
        }
        if change["state"] == "succeeded":
            wrong += [f"{name}: {count} × {what}" for what, count in made.items() if count != 1]
            wrong += [f"{name}: {found}" for found in _not_ready(world, ours)]
            wrong += [f"{name}: {found}" for found in _not_one_commit(world, name)]
        elif change["state"] == "failed" and change["reason"]:
            wrong += [f"{name} failed but left a {what}" for what, count in made.items() if count]
        else:
            wrong.append(f"{name} is lost: {change['state']} {change['reason']}")
    known = set(asked)
    strays = [n for label, names in namespaces.items() if label not in known for n in names]
    strays += [d for d in directories if d not in known]
    everything = [x for found in cloud.values() for x in found]
    strays += [x for x in everything if not any(_belongs(x, name) for name in known)]
    return wrong + [f"orphan: {stray}" for stray in strays]


def _belongs(resource: str, environment: str) -> bool:
    return resource.startswith(f"{scene.PROJECT}-{environment}-")


def _not_ready(world: World, namespaces: list[str]) -> list[str]:
    found = []
    for namespace in namespaces:
        deployments = world.plane.items("deployments", "-n", namespace)
        if not deployments:
            found.append(f"no deployment in {namespace}")
        for item in deployments:
            wanted, status = item["spec"]["replicas"], item.get("status", {})
            if status.get("readyReplicas", 0) != wanted:
                found.append(f"{item['metadata']['name']} has not {wanted} ready pods")
    return found


def _aws_names(url: str) -> dict[str, list[str]]:
    """Names of what the account holds, by kind; dead-letter queues come with theirs."""
    session: Any = boto3.Session()  # any service by name, which the stubs do not know

    def pages(service: str, verb: str, key: str, **words: str) -> list[Any]:
        client = session.client(service, endpoint_url=url, **AWS)
        listed = client.get_paginator(verb).paginate(**words)
        return [item for page in listed for item in page.get(key, [])]

    s3 = session.client("s3", endpoint_url=url, **AWS)
    queues = [url.rsplit("/", 1)[1] for url in pages("sqs", "list_queues", "QueueUrls")]
    return {
        "bucket": [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]],
        "queue": [queue for queue in queues if "dead" not in queue and "dlq" not in queue],
        "role": [role["RoleName"] for role in pages("iam", "list_roles", "Roles")],
        "policy": [
            policy["PolicyName"]
            for policy in pages("iam", "list_policies", "Policies", Scope="Local")
        ],
    }


def _git(world: World, *words: str) -> list[str]:
    """The lines that git answers in the project's repository, read from its folder."""
    state = Path(world.installation.env["SLIPWAY_STATE_DIR"])
    repository = state / "repositories" / f"{scene.PROJECT}.git"
    asked = subprocess.run(
        ["git", "-C", str(repository), *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return asked.stdout.splitlines()


def _directories(world: World) -> list[str]:
    """The environments on `main`."""
    listed = _git(world, "ls-tree", "--name-only", "main", "environments/")
    return [line.rsplit("/", 1)[1] for line in listed]


def _not_one_commit(world: World, name: str) -> list[str]:
    commits = _git(world, "log", "--format=%h", "main", "--", f"environments/{name}")
    return [] if len(commits) == 1 else [f"{len(commits)} commits on main: {' '.join(commits)}"]


def round_of(world: World, victims: list[Program], prefix: str, count: int, seed: int) -> bool:
    """Create `count` environments under fire, audit, print; whether all was well."""
    begin = time.monotonic()
    chance = random.Random(seed)  # noqa: S311  # repeatable, not secret
    killer = Killer(world.installation.supervisor, victims, chance, world.start_seconds)
    done = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        names = [f"{prefix}{number:03d}" for number in range(count)]
        creating = pool.submit(create_all, world, names)
        creating.add_done_callback(lambda _: done.set())
        killer.harass(done)
    asked = creating.result()
    world.asked |= asked
    wrong = audit(world, world.asked)
    wrong += [f"no {kind} was killed: the round proves nothing" for kind in killer.spared]
    states = Counter(change["state"] for change in asked.values())
    kills = ", ".join(f"{name} ×{n}" for name, n in sorted(killer.kills.items())) or "none"
    ended = ", ".join(f"{n} {state}" for state, n in sorted(states.items()))
    print(f"  {count} creations in {time.monotonic() - begin:.0f} s: {ended}; SIGKILL: {kills}")
    print(f"  audit by kubectl, boto3 and git: {len(wrong)} wrong" if wrong else "  audit: clean")
    for line in wrong:
        print(f"    {line}")
    for name, change in asked.items():
        if change["state"] != "succeeded":
            print(f"    {name}: change {change['id']} {change['state']}: {change['reason'][:500]}")
    sys.stdout.flush()
    return not wrong


def run(count: int, seed: int, scratch: Path) -> bool:
    scratch.chmod(0o755)  # PostgreSQL runs as its own user below it
    control_plane.build()
    with (
        Supervisor(scratch / "outside") as outside,
        Supervisor(scratch / "kube") as kube,
        Supervisor(scratch / "slipway") as inside,
    ):
        database, _ = start_postgres(outside)
        aws, _ = start_moto(outside)
        redis, redis_process = start_redis(inside)
        plane = control_plane.start(kube)
        installation = Installation(inside, database, redis)
        installation.prepare()
        tokens = scene.write(installation, kubeconfig=plane.kubeconfig, aws=aws)
        begin = time.monotonic()
        installation.start("web")
        start_seconds = time.monotonic() - begin
        victims = [_numbered(installation, "worker", number) for number in range(WORKERS)]
        victims.append(installation.start("controller"))
        clients = {who: scene.Client(installation.url, token) for who, token in tokens.items()}
        world = World(installation, plane, aws, clients, start_seconds)
        print(f"round 1: workers and controller are killed (seed {seed})", flush=True)
        first = round_of(world, victims, "a", count, seed)
        print(f"round 2: Redis too, back empty (seed {seed + 1})", flush=True)
        second = round_of(world, [*victims, redis_process], "b", count, seed + 1)
        if not (first and second):
            kept = scratch.with_name(scratch.name + "-logs")
            _keep_logs(inside.directory, kept)
            print(f"logs kept in {kept}")
        return first and second


def _numbered(installation: Installation, name: str, number: int) -> Program:
    program = installation.start(name)
    program.name = f"{name}-{number}"
    return program


def _keep_logs(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for log in source.glob("*.log"):
        (target / log.name).write_bytes(log.read_bytes())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="0: a new one, printed")
    chosen = parser.parse_args()
    seed = chosen.seed or random.SystemRandom().randrange(1, 1_000_000)
    with (
        terminated_like_interrupted(),
        tempfile.TemporaryDirectory(prefix="slipway-faults-") as folder,
    ):
        well = run(chosen.count, seed, Path(folder))
    print("faults: PASS" if well else f"faults: FAIL (again with make faults SEED={seed})")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
