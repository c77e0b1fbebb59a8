"""From a push to production on a real Kubernetes API: built, deployed by its job, promoted by the
command line, approved by a second person, and brought out by itself.

What runs is looked up with kubectl, never through our own code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploy import scene
from deploy.supervisor import wait_until
from deploy.testbed.control_plane import ControlPlane
from tests.support.delivery import image_of, push, settle, until
from tests.support.installation import Running

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(600)]
IMAGE = "registry.example.test/orders-api:2.0.0@sha256:" + "ab" * 32
FILE = f"""
stages: [build, test, deploy]
build: {{stage: build, script: [mkdir out, echo built > out/app], artifacts: {{paths: [out]}}}}
unit:
  stage: test
  parallel: {{matrix: [{{SUITE: [fast, slow]}}]}}
  script: [test -f out/app, echo "TOTAL 91%"]
  coverage: '/TOTAL (\\d+)%/'
deploy:
  stage: deploy
  environment: development
  script: ["slipway deploy --image web={IMAGE}"]
"""


@pytest.fixture(scope="module")
def places(on_cluster: Running) -> Running:
    """Development and production, whose changes need one approval, and a runner."""
    settle(on_cluster, {"dev": "development", "prod": "production"})
    return on_cluster


@pytest.fixture(scope="module")
def pipeline(places: Running, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The pipeline that dana's push started, ended."""
    folder = tmp_path_factory.mktemp("laptop")
    push(places, "dana", {".gitlab-ci.yml": FILE}, "Count to two", folder)
    dana = places.client("dana")
    listed = until(
        lambda: dana.call("GET", "/api/v1/pipelines/?project=orders")["results"],
        lambda rows: bool(rows) and rows[0]["finished_at"] is not None,
    )
    return dict(listed[0])


def jobs(places: Running, pipeline: dict[str, Any]) -> dict[str, dict[str, Any]]:
    path = f"/api/v1/pipelines/{pipeline['id']}/jobs/"
    return {row["name"]: row for row in places.client("dana").call("GET", path)["results"]}


def test_its_job_brought_it_to_development(
    places: Running, pipeline: dict[str, Any], control_plane: ControlPlane
) -> None:
    found = jobs(places, pipeline)
    assert pipeline["status"] == "success", found
    assert {"build", "unit: [fast]", "unit: [slow]", "deploy"} == set(found)
    assert found["unit: [fast]"]["coverage"] == 91.0
    assert image_of(control_plane, "dev") == IMAGE


def test_production_waits_for_a_second_person_and_then_goes_by_itself(
    places: Running, pipeline: dict[str, Any], control_plane: ControlPlane, tmp_path: Path
) -> None:
    assert pipeline["status"] == "success"
    words = ("promote", "orders/prod", "--from", "dev", "--yes", "--no-wait")
    done = places.slipway("pia", *words, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    pia, liam = places.client("pia"), places.client("liam")
    path = "/api/v1/deployments/?project=orders&environment=prod"
    (asked,) = pia.call("GET", path)["results"]
    change = pia.wait(asked["change"], until=lambda c: c["state"] == "waiting")
    body = {"plan_hash": change["plan_hash"]}
    with pytest.raises(scene.Refused):
        pia.call("POST", f"/api/v1/changes/{change['id']}/approve/", body)
    assert image_of(control_plane, "prod") != IMAGE
    liam.call("POST", f"/api/v1/changes/{change['id']}/approve/", body)
    wait_until(
        lambda: image_of(control_plane, "prod") == IMAGE,
        seconds=120,
        what="the bundle in production",
        every=0.5,
    )
    ended = pia.wait(change["id"], until=lambda c: c["state"] not in scene.OPEN)
    assert ended["state"] == "succeeded", ended["reason"]
    (row,) = pia.call("GET", path)["results"]
    assert (row["state"], row["commit"]) == ("succeeded", pipeline["sha"])
    assert row["lead_seconds"] > 0
