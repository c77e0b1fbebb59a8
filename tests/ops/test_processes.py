"""Production's processes without Docker: the same four that docker-compose.yml starts."""

import signal
from pathlib import Path

import httpx
import pytest
import yaml

from deploy.processes import NAMES, ROOT, WHERE_WANTED
from tests.support.installation import Running

pytestmark = [pytest.mark.servers, pytest.mark.slow]


def test_the_sign_in_page_answers_through_gunicorn(processes: Running) -> None:
    answer = httpx.get(processes.installation.url, follow_redirects=True, timeout=20)
    assert answer.status_code == 200
    assert 'name="password"' in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_change_completes_through_worker_and_controller(processes: Running) -> None:
    dana = processes.client("dana")
    change = dana.carry(dana.create("through"))
    assert (change["state"], change["reason"]) == ("succeeded", "")
    environment = dana.call("GET", "/api/v1/environments/orders/through/")
    assert (environment["state"], environment["health"]) == ("active", "Healthy")


def test_a_killed_worker_is_followed_by_another(processes: Running) -> None:
    supervisor = processes.installation.supervisor
    dana = processes.client("dana")
    change = dana.create("survivor")
    worker = next(program for program in supervisor.programs if program.name == "worker")
    worker.signal(signal.SIGKILL)
    worker.process.wait(10)
    supervisor.restart(worker)
    assert dana.carry(change, seconds=180)["state"] == "succeeded"


def test_readiness_names_what_is_checked(processes: Running) -> None:
    answer = httpx.get(f"{processes.installation.url}/readyz", timeout=20).json()
    assert answer["status"] == "ok"
    assert set(answer["checks"]) >= {"database", "migrations", "broker"}


class TestCompose:
    def test_it_starts_what_the_procfile_names(self) -> None:
        compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        lines = (ROOT / "deploy" / "Procfile").read_text().splitlines()
        named = [line.split(":")[0] for line in lines if line and not line.startswith("#")]
        assert tuple(named) == (*NAMES, *WHERE_WANTED)
        for name in named:
            assert compose["services"][name]["command"] == [name]
        assert {"proxy", "postgres", "redis"} <= set(compose["services"])

    def test_the_image_starts_a_process_by_its_name(self) -> None:
        dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
        assert 'ENTRYPOINT ["deploy/process"]' in dockerfile
        assert Path(ROOT / "deploy" / "process").stat().st_mode & 0o111
