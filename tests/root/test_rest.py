import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from rbac.models import User
from tests.rbac.factories import make_characters

pytestmark = pytest.mark.django_db


@pytest.fixture
def dana(client: Client) -> User:
    user = User.objects.create_user("dana.dev", "dana@example.com", "x")
    client.force_login(user)
    return user


def test_the_root_lists_the_collections(client: Client, dana: User) -> None:
    listed = client.get("/api/v1/").json()
    assert listed["schema"] == "http://testserver/api/v1/schema/"


@pytest.mark.parametrize("path", ["/api/v1/", "/api/v1/schema/"])
def test_who_is_not_signed_in_gets_a_problem(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "not_signed_in"


def test_the_console_sends_people_to_sign_in(client: Client, settings: Settings) -> None:
    settings.LOGIN_URL = "/sign-in/"
    response = client.get("/api/v1/docs/")
    assert (response.status_code, response["Location"]) == (302, "/sign-in/?next=/api/v1/docs/")


def test_the_console_is_self_contained_and_has_a_policy_of_its_own(
    client: Client, dana: User
) -> None:
    response = client.get("/api/v1/docs/")
    html = response.content.decode()
    assert "https://" not in html
    policy = response["Content-Security-Policy"].split("; ")  # in no certain order
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "script-src 'self'" in policy


def test_other_pages_keep_the_strict_policy(client: Client) -> None:
    policy = client.get("/healthz")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy


def test_the_admin_site_alone_may_evaluate_scripts(client: Client) -> None:
    ada = make_characters().administrator
    client.force_login(ada)
    for path in ("/admin/", "/admin/rbac/team/"):
        page = client.get(path)
        assert page.status_code == 200
        policy = page["Content-Security-Policy"]
        assert "script-src 'self' 'unsafe-eval'" in policy
        assert "style-src 'self' 'unsafe-inline'" in policy
        assert "default-src 'none'" in policy
        assert "script-src 'self' 'unsafe-inline'" not in policy
    policy = client.get("/")["Content-Security-Policy"]
    assert "unsafe" not in policy


def test_a_wrong_method_is_a_problem_on_html_views_too(client: Client, dana: User) -> None:
    response = client.put("/api/v1/docs/")
    assert response.status_code == 405
    assert response.json()["code"] == "method_not_allowed"


def test_a_body_nested_too_deeply_is_malformed(client: Client) -> None:
    client.force_login(make_characters().administrator)
    deep = "[" * 100_000 + "]" * 100_000
    answer = client.post("/api/v1/environments/", deep, content_type="application/json")
    assert answer.status_code == 400
    assert "nested too deeply" in answer.json()["detail"]
