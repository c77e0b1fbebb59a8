"""The servers that other tests stand on: real, reachable, empty, and gone afterwards."""

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from django.conf import settings
from django.db import connection
from pytest_socket import SocketBlockedError, SocketConnectBlockedError

from deploy.supervisor import StartFailed, Supervisor, free_port, wait_until
from deploy.testbed.control_plane import KUBERNETES, ControlPlane


def test_no_test_opens_a_socket_that_did_not_say_so() -> None:
    with pytest.raises(SocketBlockedError):
        socket.socket()


@pytest.mark.loopback
def test_a_test_on_loopback_still_does_not_reach_further() -> None:
    with pytest.raises(SocketConnectBlockedError), socket.socket() as outside:
        outside.connect(("192.0.2.1", 80))


def test_the_state_folder_is_this_tests_own(tmp_path: Path) -> None:
    assert Path(settings.REPOSITORIES_DIR).is_relative_to(tmp_path)
    assert len(str(settings.GIT_JUDGE_SOCKET)) < 100


@pytest.mark.django_db
def test_the_test_database_is_a_file_where_it_is_sqlite() -> None:
    if connection.vendor == "sqlite":
        assert str(connection.settings_dict["NAME"]).endswith(".sqlite3")


@pytest.mark.parametrize("turn", [1, 2])
def test_moto_is_empty_at_the_start_of_each_test(aws: Callable[[str], Any], turn: int) -> None:
    s3 = aws("s3")
    assert s3.list_buckets()["Buckets"] == []
    s3.create_bucket(
        Bucket="left-over", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )


@pytest.mark.parametrize("turn", [1, 2])
def test_redis_is_empty_at_the_start_of_each_test(redis_server: str, turn: int) -> None:
    with redis.Redis.from_url(redis_server) as client:
        assert client.dbsize() == 0
        client.set("left", "over")


def test_postgres_hands_out_a_new_database(postgres_server: str) -> None:
    with psycopg.connect(postgres_server) as database:
        tables = database.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert tables.fetchone() == (0,)


def test_the_control_plane_runs_pods(control_plane: ControlPlane) -> None:
    assert f'"v{KUBERNETES}"' in control_plane.kubectl("get", "--raw", "/version")
    control_plane.kubectl("create", "namespace", "run-pods")
    control_plane.kubectl(
        "-n", "run-pods", "create", "deployment", "web", "--image=example.test/web:1"
    )
    control_plane.kubectl("-n", "run-pods", "rollout", "status", "deployment/web", "--timeout=30s")
    control_plane.kubectl("delete", "namespace", "run-pods", "--wait=false")


@pytest.mark.loopback
class TestSupervisor:
    def test_stops_the_whole_process_group(self, tmp_path: Path) -> None:
        port = free_port()
        script = "sleep 300 & exec python3 -m http.server --bind 127.0.0.1 " + str(port)
        with Supervisor(tmp_path) as supervisor:
            program = supervisor.start("web", ["bash", "-c", script], ready=lambda: _open(port))
            group = program.process.pid
        wait_until(lambda: not _group_alive(group), seconds=5, what="the group's end")
        assert not _open(port)

    def test_says_why_a_program_did_not_start(self, tmp_path: Path) -> None:
        command = [sys.executable, "-c", "raise SystemExit('the disk is full')"]
        with (
            Supervisor(tmp_path) as supervisor,
            pytest.raises(StartFailed, match="bad ended with 1; its log ends:\nthe disk is full"),
        ):
            supervisor.start("bad", command, ready=lambda: False, seconds=20)

    def test_gives_up_on_a_program_that_never_answers(self, tmp_path: Path) -> None:
        with (
            Supervisor(tmp_path) as supervisor,
            pytest.raises(StartFailed, match=r"slow becoming healthy did not happen within 0.2 s"),
        ):
            supervisor.start("slow", ["sleep", "60"], ready=lambda: False, seconds=0.2)


def _open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _group_alive(group: int) -> bool:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            return True
    return False
