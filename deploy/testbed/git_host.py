"""A real git host on loopback: Gitea, from its Go module. No Docker, no accounts elsewhere.

    python -m deploy.testbed.git_host build        compile it (once, cached; about six minutes)
    python -m deploy.testbed.git_host run DIR      start one; Ctrl-C stops it
    python -m deploy.testbed.git_host where        print the folder of the program

Used by the tests that walk from a push there to the status beside its commit.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from deploy.supervisor import (
    StartFailed,
    Supervisor,
    answers,
    free_port,
    terminated_like_interrupted,
)
from deploy.testbed.control_plane import BUILD_SECONDS, cache

HERE = Path(__file__).resolve().parent
VERSION = "1.26.0"
MODULE = "code.gitea.io/gitea"
ADMINISTRATOR, PASSWORD = "root1", "Passw0rd!x"  # of a server on loopback that a test throws away
_CONFIGURATION = """\
RUN_USER = {user}
WORK_PATH = {folder}/work
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = http://127.0.0.1:{port}/
STATIC_ROOT_PATH = {folder}/static
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = {folder}/work/gitea.db
[security]
INSTALL_LOCK = true
[webhook]
ALLOWED_HOST_LIST = loopback
[session]
PROVIDER = memory
[cron]
ENABLED = false
[log]
LEVEL = Warn
"""


def programs() -> Path:
    """The folder of the program: SLIPWAY_TEST_GITEA, or the one that `build` fills."""
    named = os.environ.get("SLIPWAY_TEST_GITEA")
    return Path(named) if named else cache() / f"gitea-{VERSION}"


def built() -> bool:
    return os.access(programs() / "gitea", os.X_OK)


def build() -> Path:
    """Compile it where it is missing; its folder, with the pages' templates beside it."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "gitea.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if built():
            return programs()
        if shutil.which("go") is None:
            raise StartFailed("Go is not here to build Gitea; install Go 1.26 or newer")
        print("building Gitea (once) …", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as scratch:
            _compile(Path(scratch), programs())
    return programs()


def _compile(work: Path, into: Path) -> None:
    shutil.copy(HERE / "gitea.go.mod", work / "go.mod")
    _go("mod", "tidy", cwd=work)
    source = Path(_go("list", "-m", "-f", "{{.Dir}}", MODULE, cwd=work).strip())
    for name in ("templates", "options", "public"):
        shutil.copytree(source / name, into / "static" / name, dirs_exist_ok=True)
    subprocess.run(["chmod", "-R", "u+w,a+rX", str(into / "static")], check=True, timeout=60)
    flags = f"-s -w -X main.Version={VERSION}"
    tags = "sqlite sqlite_unlock_notify"
    words = ["build", "-trimpath", "-tags", tags, "-ldflags", flags]
    _go(*words, "-o", str(work / "gitea"), MODULE, cwd=work)
    shutil.move(work / "gitea", into / "gitea")


def _go(*words: str, cwd: Path) -> str:
    # SQLite needs a C compiler.
    environment = {**os.environ, "GOFLAGS": "-mod=mod -buildvcs=false", "CGO_ENABLED": "1"}
    done = subprocess.run(
        ["go", *words],
        cwd=cwd,
        check=True,
        timeout=BUILD_SECONDS,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


@dataclass(frozen=True)
class GitHost:
    """A running Gitea and its administrator."""

    url: str
    folder: Path
    user: str = ADMINISTRATOR
    password: str = PASSWORD


def start(supervisor: Supervisor) -> GitHost:
    """Start one below the supervisor's folder; it refuses root, so root gives it to nobody."""
    folder, port = supervisor.directory, free_port()
    root = os.geteuid() == 0
    user = "nobody" if root else pwd.getpwuid(os.geteuid()).pw_name
    for name in ("work", "home"):
        (folder / name).mkdir(exist_ok=True)
    shutil.copytree(programs() / "static", folder / "static", dirs_exist_ok=True)
    shutil.copy(programs() / "gitea", folder / "gitea")
    text = _CONFIGURATION.format(user=user, folder=folder, port=port)
    (folder / "app.ini").write_text(text)
    if root:
        subprocess.run(["chown", "-R", user, str(folder)], check=True, timeout=60)
    as_user = ["runuser", "-u", user, "--"] if root else []
    command = [*as_user, "env", f"HOME={folder}/home", f"USER={user}", f"{folder}/gitea"]
    command += ["-c", f"{folder}/app.ini"]
    _once(folder, [*command, "migrate"])
    words = ["admin", "user", "create", "--admin", "--must-change-password=false"]
    words += ["--username", ADMINISTRATOR, "--password", PASSWORD, "--email", "root1@example.test"]
    _once(folder, [*command, *words])
    url = f"http://127.0.0.1:{port}"
    supervisor.start(
        "gitea", [*command, "web"], ready=lambda: answers(f"{url}/api/v1/version"), seconds=60
    )
    return GitHost(url, folder)


def _once(folder: Path, command: list[str]) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        raise StartFailed(f"gitea {command[-1]}: {done.stdout[-1000:]}{done.stderr[-1000:]}")


def main(words: list[str]) -> int:
    if words == ["build"]:
        print(build())
    elif words == ["where"]:
        print(programs())
    elif len(words) == 2 and words[0] == "run":  # noqa: PLR2004  # a verb and a folder
        build()
        with terminated_like_interrupted(), Supervisor(Path(words[1]).resolve()) as supervisor:
            print(start(supervisor).url, flush=True)
            while True:
                time.sleep(60)
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except StartFailed as failure:
        sys.exit(str(failure))
