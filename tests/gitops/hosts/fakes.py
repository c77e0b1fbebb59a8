"""Git hosts as real HTTP servers on loopback: the shapes that Gitea, GitHub and GitLab publish.

Each serves one repository over git's smart protocol too, and asks for the token everywhere.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "tok-en-of-the-robot"
ROBOT, STRANGER = 7, 8
PATHS = {"gitea": "acme/shop", "github": "acme/shop", "gitlab": "acme/web/shop"}


@dataclass
class Call:
    method: str
    path: str
    headers: dict[str, str]
    data: Any


@dataclass
class FakeHost:
    """One host with one repository; tests change what it holds and read what it was told."""

    kind: str
    folder: Path
    statuses: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    requests: dict[int, dict[str, Any]] = field(default_factory=dict)
    hooks: dict[int, dict[str, Any]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    merged: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)  # instead
    redirect: str = ""  # git and the API are sent there
    large: int = 0  # bytes that each answer has instead of its own
    git_status: int = 0

    def __post_init__(self) -> None:
        self.path = PATHS[self.kind]
        self.bare = self.folder / f"{self.path}.git"
        self.bare.parent.mkdir(parents=True)
        git("init", "-q", "--bare", "-b", "main", str(self.bare), at=self.folder)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def told(self, method: str, part: str) -> list[Call]:
        return [call for call in self.calls if call.method == method and part in call.path]

    # -- what it holds -------------------------------------------------------------------------

    def commit(self, files: dict[str, str], *, branch: str = "main", start: str = "main") -> str:
        """A commit on a branch, by git itself; its name."""
        work = self.folder / "work"
        if not work.exists():
            git("clone", "-q", str(self.bare), str(work), at=self.folder)
        if branch != "main" or self.has("main"):
            git("fetch", "-q", "origin", at=work)
            known = f"origin/{branch}" if self.has(branch) else f"origin/{start}"
            git("checkout", "-q", "-B", branch, known, at=work)
        for name, text in files.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_text(text)
        git("add", "-A", at=work)
        git("commit", "-q", "-m", f"Change {', '.join(files)}", at=work)
        git("push", "-q", "origin", f"HEAD:refs/heads/{branch}", at=work)
        return git("rev-parse", "HEAD", at=work)

    def has(self, branch: str) -> bool:
        return bool(git("for-each-ref", f"refs/heads/{branch}", at=self.bare))

    def ref(self, name: str, sha: str) -> None:
        git("update-ref", name, sha, at=self.bare)

    def request(self, number: int, branch: str, *, fork: bool = False, **more: Any) -> None:
        """An open request of a branch; a fork's head has no branch here."""
        sha = git("rev-parse", f"refs/heads/{branch}", at=self.bare)
        folder = "merge-requests" if self.kind == "gitlab" else "pull"
        self.ref(f"refs/{folder}/{number}/head", sha)
        if fork:
            git("update-ref", "-d", f"refs/heads/{branch}", at=self.bare)
        shape = _gitlab_request if self.kind == "gitlab" else _pull
        self.requests[number] = {**shape(self, number, branch, sha, fork), **more}


def _pull(host: FakeHost, number: int, branch: str, sha: str, fork: bool) -> dict[str, Any]:
    source = "mallory/shop" if fork else host.path
    return {
        "id": 1000 + number, "number": number, "title": "Sell `more` $(id)", "body": "Why not",
        "state": "open", "draft": False, "merged": False, "mergeable": True,
        "html_url": f"{host.url}/{host.path}/pulls/{number}",
        "user": {"login": "kim", "id": STRANGER}, "labels": [{"name": "shop"}],
        "head": {"ref": branch, "sha": sha, "repo": {"full_name": source}},
        "base": {"ref": "main", "sha": "", "repo": {"full_name": host.path}},
    }  # fmt: skip


def _gitlab_request(
    host: FakeHost, number: int, branch: str, sha: str, fork: bool
) -> dict[str, Any]:
    return {
        "id": 1000 + number, "iid": number, "title": "Sell `more` $(id)", "description": "Why not",
        "state": "opened", "draft": False, "web_url": f"{host.url}/{host.path}/-/{number}",
        "author": {"username": "kim", "id": STRANGER}, "labels": ["shop"],
        "source_branch": branch, "target_branch": "main", "sha": sha,
        "source_project_id": 9 if fork else 5, "target_project_id": 5,
    }  # fmt: skip


def git(*words: str, at: Path) -> str:
    environment = {
        "PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "Kim", "GIT_AUTHOR_EMAIL": "kim@example.org",
        "GIT_COMMITTER_NAME": "Kim", "GIT_COMMITTER_EMAIL": "kim@example.org",
    }  # fmt: skip
    done = subprocess.run(
        ["git", *words], cwd=at, env=environment, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    host: FakeHost

    def log_message(self, *_: Any) -> None:
        return

    def serve(self) -> None:
        body = self._body()
        if self.host.redirect:
            self._send(302, b"", {"Location": f"{self.host.redirect}{self.path}"})
        elif self.host.answers:
            status, headers, data = self.host.answers.pop(0)
            self._send(status, data, headers)
        elif self.host.large:
            self._send(200, b"[" + b" " * self.host.large)
        elif ".git/" in self.path:
            self._git(body)
        else:
            self._api(body)

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while size := int(self.rfile.readline().strip(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _send(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _api(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        data = json.loads(body) if body else None
        self.host.calls.append(Call(self.command, self.path, headers, data))
        if not _signed_in(self.host, headers):
            self._send(401, b'{"message": "Bad credentials"}')
            return
        status, found = Api(self.host).answer(self.command, self.path, data)
        self._send(status, json.dumps(found).encode())

    def _git(self, body: bytes) -> None:
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        if self.host.git_status:
            self._send(self.host.git_status, b"no")
            return
        if not base64.b64decode(given).decode().endswith(f":{TOKEN}"):
            self._send(401, b"no", {"WWW-Authenticate": "Basic realm=git"})
            return
        parts = urlsplit(self.path)
        done = subprocess.run(
            ["git", "http-backend"], input=body, capture_output=True, check=True, timeout=60,
            env={
                "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(self.host.folder),
                "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": unquote(parts.path),
                "QUERY_STRING": parts.query, "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            },
        )  # fmt: skip
        head, _, data = done.stdout.partition(b"\r\n\r\n")
        lines = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n"))
        self._send(int(lines.pop("Status", "200")[:3]), data, lines)


def _handler(host: FakeHost) -> type[BaseHTTPRequestHandler]:
    verbs = {f"do_{verb}": _Handler.serve for verb in ("GET", "POST", "PUT", "PATCH")}
    return type("Handler", (_Handler,), {"host": host, **verbs})


def _signed_in(host: FakeHost, headers: dict[str, str]) -> bool:
    return {
        "gitea": headers.get("authorization") == f"token {TOKEN}",
        "github": headers.get("authorization") == f"Bearer {TOKEN}",
        "gitlab": headers.get("private-token") == TOKEN,
    }[host.kind]


class Api:
    """The few routes that Slipway calls."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host

    def answer(self, method: str, path: str, data: Any) -> tuple[int, Any]:
        prefix = {"gitea": "/api/v1", "github": "/api/v3", "gitlab": "/api/v4"}[self.host.kind]
        parts = urlsplit(path)
        if not parts.path.startswith(prefix):
            return 404, {"message": "404 Not Found"}
        rest, query = parts.path.removeprefix(prefix), parse_qs(parts.query)
        if rest == "/user":
            return 200, {"id": ROBOT, "login": "robot", "username": "robot"}
        name = self.host.path.replace("/", "%2F") if self.host.kind == "gitlab" else self.host.path
        start = f"/projects/{name}" if self.host.kind == "gitlab" else f"/repos/{name}"
        if not rest.startswith(start):
            return 404, {"message": "Not Found"}
        return self._route(rest.removeprefix(start), method, query, data)

    def _route(self, path: str, method: str, query: Any, data: Any) -> tuple[int, Any]:
        for form, handle in ROUTES[self.host.kind]:
            if match := re.fullmatch(form, path):
                return handle(self, method, query, data, *match.groups())
        return 404, {"message": "Not Found"}

    def pulls_repository(self, *_: Any) -> tuple[int, Any]:
        return 200, {
            "full_name": self.host.path, "default_branch": "main",
            "html_url": f"{self.host.url}/{self.host.path}", "permissions": {"push": True},
        }  # fmt: skip

    def gitlab_project(self, *_: Any) -> tuple[int, Any]:
        return 200, {
            "id": 5, "path_with_namespace": self.host.path, "default_branch": "main",
            "web_url": f"{self.host.url}/{self.host.path}",
            "permissions": {"project_access": {"access_level": 40}, "group_access": None},
        }  # fmt: skip

    def status(self, _: str, __: Any, data: Any, sha: str) -> tuple[int, Any]:
        if self.host.kind == "gitlab" and (sha, data) in self.host.statuses:
            return 400, {"message": "Cannot transition status via :run from :running"}
        self.host.statuses.append((sha, data))
        return 201, {"id": len(self.host.statuses)}

    def hooks(self, method: str, query: Any, data: Any) -> tuple[int, Any]:
        return self._all(method, self.host.hooks, query, data)

    def hook(self, _: str, __: Any, data: Any, pk: str) -> tuple[int, Any]:
        self.host.hooks[int(pk)] |= data
        return 200, self.host.hooks[int(pk)]

    def comments(self, method: str, query: Any, data: Any, _: str) -> tuple[int, Any]:
        by = "author" if self.host.kind == "gitlab" else "user"
        return self._all(method, self.host.comments, query, data, by=by)

    def requests(self, method: str, _: Any, data: Any) -> tuple[int, Any]:
        return self._opened(method, data)

    def request(self, _: str, __: Any, ___: Any, number: str) -> tuple[int, Any]:
        return self._one(int(number))

    def merge(self, _: str, __: Any, data: Any, number: str) -> tuple[int, Any]:
        wanted = data.get("head_commit_id" if self.host.kind == "gitea" else "sha")
        return self._merge(int(number), wanted)

    def comment(self, _: str, __: Any, data: Any, *pks: str) -> tuple[int, Any]:
        return self._rewrite(int(pks[-1]), data)

    # -- what both have ------------------------------------------------------------------------

    def _all(
        self, method: str, rows: dict[int, dict[str, Any]], query: Any, data: Any, by: str = ""
    ) -> tuple[int, Any]:
        if method == "GET":
            size, page = int(query["per_page"][0]), int(query["page"][0])
            return 200, list(rows.values())[(page - 1) * size : page * size]
        made = {**data, "id": max(rows, default=0) + 1, **({by: {"id": ROBOT}} if by else {})}
        rows[made["id"]] = made
        return 201, made

    def _rewrite(self, pk: int, data: Any) -> tuple[int, Any]:
        if pk not in self.host.comments:
            return 404, {"message": "Not Found"}
        self.host.comments[pk]["body"] = data["body"]
        return 200, self.host.comments[pk]

    def _opened(self, method: str, data: Any) -> tuple[int, Any]:
        host = self.host
        if method == "GET":
            rows = host.requests.values()
            return 200, [one for one in rows if one["state"] in {"open", "opened"}]
        number = max(host.requests, default=0) + 1
        host.request(number, data.get("head") or data["source_branch"])
        host.requests[number]["title"] = data["title"]
        return 201, host.requests[number]

    def _one(self, number: int) -> tuple[int, Any]:
        if number not in self.host.requests:
            return 404, {"message": "Not Found"}
        return 200, self.host.requests[number]

    def _merge(self, number: int, sha: str | None) -> tuple[int, Any]:
        one = self.host.requests[number]
        if sha != (one["sha"] if self.host.kind == "gitlab" else one["head"]["sha"]):
            return 409, {"message": "Head branch was modified. Review and try the merge again."}
        one["state"] = "merged" if self.host.kind == "gitlab" else "closed"
        one["merged"] = True
        return 200, {"merged": True}


_PULLS = (
    ("", Api.pulls_repository),
    (r"/statuses/([0-9a-f]{40})", Api.status),
    ("/hooks", Api.hooks),
    (r"/hooks/(\d+)", Api.hook),
    ("/pulls", Api.requests),
    (r"/pulls/(\d+)", Api.request),
    (r"/pulls/(\d+)/merge", Api.merge),
    (r"/issues/(\d+)/comments", Api.comments),
    (r"/issues/comments/(\d+)", Api.comment),
)
_REQUEST = r"/merge_requests/(\d+)"
_GITLAB = (
    ("", Api.gitlab_project),
    (r"/statuses/([0-9a-f]{40})", Api.status),
    ("/hooks", Api.hooks),
    (r"/hooks/(\d+)", Api.hook),
    ("/merge_requests", Api.requests),
    (_REQUEST, Api.request),
    (f"{_REQUEST}/merge", Api.merge),
    (f"{_REQUEST}/notes", Api.comments),
    (rf"{_REQUEST}/notes/(\d+)", Api.comment),
)
ROUTES: dict[str, Any] = {"gitea": _PULLS, "github": _PULLS, "gitlab": _GITLAB}
