import pytest
from django.db import OperationalError
from django.test import Client
from pytest_django.fixtures import Settings

from idp import health
from idp.common import metrics

pytestmark = pytest.mark.django_db


def test_alive_asks_nothing_else(client: Client, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert client.get("/healthz").json()["status"] == "ok"


def test_ready_names_each_check(client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["checks"] == {
        "database": "ok",
        "migrations": "ok",
        "broker": "in process",
    }


def test_a_database_that_is_away_is_503(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def cursor(self) -> None:
            raise OperationalError("password=x")

    monkeypatch.setattr(health, "connection", Away())
    assert health._database() == "unavailable"
    monkeypatch.setattr(health, "_migrated", lambda: "unknown")
    response = client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (503, "unavailable")
    assert "password" not in response.content.decode()


@pytest.mark.loopback
def test_a_broker_that_is_away_is_told_and_is_no_reason(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["checks"]["broker"] == "unavailable"


def test_metrics_are_for_this_machine(client: Client) -> None:
    client.get("/healthz")
    text = client.get("/metrics").content.decode()
    assert 'slipway_changes{state="applying"} 0.0' in text
    assert 'route="healthz"' in text


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-for": "10.0.0.1"},
        {"forwarded": "for=10.0.0.1"},
        {"x-forwarded-for": "10.0.0.1", "authorization": "Bearer wrong"},
    ],
)
def test_metrics_are_refused_to_others_with_the_way_in(
    client: Client, headers: dict[str, str], settings: Settings
) -> None:
    settings.METRICS_TOKEN = "right"
    response = client.get("/metrics", headers=headers)
    assert response.status_code == 403
    assert "SLIPWAY_METRICS_TOKEN" in response.content.decode()


def test_the_metrics_token_opens_them(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = "right"
    response = client.get(
        "/metrics", headers={"x-forwarded-for": "1.2.3.4", "authorization": "Bearer right"}
    )
    assert response.status_code == 200


def test_without_a_token_no_bearer_passes(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = ""
    response = client.get("/metrics", headers={"forwarded": "x", "authorization": "Bearer "})
    assert response.status_code == 403


def test_a_gauge_is_registered_once() -> None:
    gauge = metrics.Gauge("slipway_changes", "again", (), list)
    with pytest.raises(ValueError, match="gauge 'slipway_changes' is registered twice"):
        metrics.register_gauge(gauge)
