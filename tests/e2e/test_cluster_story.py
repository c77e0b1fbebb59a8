"""The main job on a real Kubernetes API and moto: by REST, by `slipway` and by `git push`.

What came of it is looked up with kubectl, boto3 and git, never through our own code.
"""

from pathlib import Path
from typing import Any

import pytest

from deploy import scene
from deploy.supervisor import wait_until
from deploy.testbed.control_plane import ControlPlane
from tests.support.installation import Running

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(600)]
NAME = "story"
FILE = f"environments/{NAME}/environment.yaml"


def namespaces(plane: ControlPlane) -> list[str]:
    found = plane.items("namespaces", "-l", f"slipway.dev/environment={NAME}")
    return [item["metadata"]["name"] for item in found]


def deployment(plane: ControlPlane) -> dict[str, Any]:
    (namespace,) = namespaces(plane)
    (found,) = plane.items("deployments", "-n", namespace)
    return found


def aws_names(running: Running) -> list[str]:
    buckets = [bucket["Name"] for bucket in running.aws("s3").list_buckets()["Buckets"]]
    queues = running.aws("sqs").list_queues().get("QueueUrls", [])
    roles = [role["RoleName"] for role in running.aws("iam").list_roles()["Roles"]]
    names = buckets + roles + [queue.rsplit("/", 1)[1] for queue in queues]
    return [name for name in names if name.startswith(f"{scene.PROJECT}-{NAME}-")]


@pytest.fixture(scope="module")
def created(on_cluster: Running) -> dict[str, Any]:
    """The change that made the environment, by REST with a token."""
    dana = on_cluster.client("dana")
    change = dana.create(NAME)
    assert change["state"] in {"planning", "ready"}
    planned = dana.wait(change["id"], until=lambda c: c["state"] != "planning")
    assert planned["state"] == "ready", planned["reason"]
    return dana.carry(change)


@pytest.fixture(scope="module")
def clone(
    on_cluster: Running, created: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("laptop")
    done = on_cluster.git("dana", "clone", on_cluster.repository("dana"), "orders", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder / "orders"


def test_nothing_is_made_before_the_plan_is_confirmed(
    on_cluster: Running, control_plane: ControlPlane
) -> None:
    dana = on_cluster.client("dana")
    change = dana.create("only-planned")
    planned = dana.wait(change["id"], until=lambda c: c["state"] != "planning")
    assert planned["state"] == "ready", planned["reason"]
    found = control_plane.items("namespaces", "-l", "slipway.dev/environment=only-planned")
    assert found == []
    dana.call("POST", f"/api/v1/changes/{change['id']}/cancel/", {})


def test_the_cluster_runs_it(created: dict[str, Any], control_plane: ControlPlane) -> None:
    assert (created["state"], created["reason"]) == ("succeeded", "")
    found = deployment(control_plane)
    assert found["status"]["readyReplicas"] == found["spec"]["replicas"]
    (namespace,) = namespaces(control_plane)
    kinds = {
        item["kind"]
        for item in control_plane.items(
            "resourcequota,limitrange,networkpolicy,serviceaccount,ingress,service,secret",
            *("-n", namespace),
        )
    }
    assert kinds >= {"ResourceQuota", "NetworkPolicy", "ServiceAccount", "Ingress", "Service"}


def test_aws_has_what_was_asked_for(created: dict[str, Any], on_cluster: Running) -> None:
    names = aws_names(on_cluster)
    assert any(name.endswith("exports") for name in names), names
    assert any(name.endswith("orders") for name in names), names
    bucket = next(name for name in names if name.endswith("exports"))
    tags = on_cluster.aws("s3").get_bucket_tagging(Bucket=bucket)["TagSet"]
    assert {tag["Value"] for tag in tags} >= {"orders", NAME}


def test_the_workload_knows_its_bucket(
    created: dict[str, Any], on_cluster: Running, control_plane: ControlPlane
) -> None:
    (namespace,) = namespaces(control_plane)
    secret = control_plane.get("secret", "slipway-outputs", "-n", namespace)
    assert "EXPORTS_BUCKET_NAME" in secret["data"]


def test_the_command_line_scales_it(
    created: dict[str, Any], on_cluster: Running, control_plane: ControlPlane, tmp_path: Path
) -> None:
    done = on_cluster.slipway("dana", "env", "scale", f"orders/{NAME}", "2", "--yes", home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert deployment(control_plane)["spec"]["replicas"] == 2
    shown = on_cluster.slipway("dana", "--json", "env", "list", home=tmp_path)
    assert f'"name": "{NAME}"' in shown.stdout


def test_a_commit_by_hand_is_that_persons_change(
    clone: Path, on_cluster: Running, control_plane: ControlPlane
) -> None:
    folder = clone.parent
    on_cluster.git("dana", "-C", "orders", "pull", "-q", folder=folder)
    file = clone / FILE
    text = file.read_text()
    assert "replicas: 2" in text
    file.write_text(text.replace("replicas: 2", "replicas: 3"))
    on_cluster.git("dana", "-C", "orders", "commit", "-qam", "Three of them", folder=folder)
    done = on_cluster.git("dana", "-C", "orders", "push", folder=folder)
    assert done.returncode == 0, done.stderr
    wait_until(
        lambda: deployment(control_plane)["spec"]["replicas"] == 3,
        seconds=90,
        what="the pushed number of pods",
        every=0.5,
    )
    listed = on_cluster.client("dana").call("GET", f"/api/v1/changes/?scope=orders/{NAME}")
    newest = listed["results"][0]
    assert newest["origin"] == "push"
    assert newest["actor"].startswith("dana")  # the token's owner, not the commit's author


@pytest.mark.parametrize(
    ("wrong", "why"),
    [("replicas: 300", "replicas"), ("replicsa: 3", "replicsa")],
)
def test_a_refused_push_says_why(clone: Path, on_cluster: Running, wrong: str, why: str) -> None:
    folder = clone.parent
    on_cluster.git("dana", "-C", "orders", "pull", "-q", folder=folder)
    file = clone / FILE
    file.write_text(file.read_text().replace("replicas: 3", wrong))
    on_cluster.git("dana", "-C", "orders", "commit", "-qam", "Wrong", folder=folder)
    done = on_cluster.git("dana", "-C", "orders", "push", folder=folder)
    on_cluster.git("dana", "-C", "orders", "reset", "-q", "--hard", "HEAD~1", folder=folder)
    assert done.returncode != 0
    assert why in done.stderr


def test_who_did_what_is_on_record(created: dict[str, Any], on_cluster: Running) -> None:
    records = on_cluster.client("pia").call("GET", "/api/v1/audit/")["results"]
    assert any(record["action"].startswith("environment.") for record in records)


def test_deleted_leaves_nothing(
    created: dict[str, Any], on_cluster: Running, control_plane: ControlPlane
) -> None:
    dana = on_cluster.client("dana")
    change = dana.call("DELETE", f"/api/v1/environments/orders/{NAME}/")
    ended = dana.carry(change, seconds=180)
    assert (ended["state"], ended["reason"]) == ("succeeded", "Nothing is left.")
    wait_until(
        lambda: namespaces(control_plane) == [], seconds=60, what="the namespace's end", every=0.5
    )
    assert aws_names(on_cluster) == []
    state = Path(on_cluster.installation.env["SLIPWAY_STATE_DIR"])
    repository = state / "repositories" / "orders.git"
    listed = on_cluster.git(
        *("dana", "-C", str(repository), "ls-tree", "-r", "--name-only", "main"),
        folder=state,
    )
    assert f"environments/{NAME}" not in listed.stdout
