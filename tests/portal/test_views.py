from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from idp.common import host
from portal.models import Component
from portal.shell import Shortcut
from portal.templatetags import slipway
from tests.portal.factories import ComponentFactory
from tests.portal.test_catalog import ORDERS
from tests.rbac.factories import Characters

FORM = {
    "project": "orders",
    "name": "orders-api",
    "type": "service",
    "lifecycle": "production",
    "owner": "orders",
}


def html(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content[:2000]
    return answer.content.decode()


@pytest.mark.parametrize(
    "path", ["/", "/catalog/", "/catalog/new/", "/catalog/x/", "/search/", "/palette/"]
)
def test_who_is_not_signed_in_is_asked_to(db: None, client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert "next=" in answer["Location"]


def test_home_says_in_a_sentence_what_waits(as_dana: Client) -> None:
    def broken(_: Any) -> Mapping[str, Any]:
        return {"count": 1, "headline": "one change failed", "rows": []}

    panel = host.Panel("broken", "Broken now", 1, "portal/panels/mine.html", broken)
    with host.home.holding(panel):
        text = html(as_dana, "/")
    assert "One change failed." in text
    assert "Broken now" in text


def test_home_shows_ones_components(as_dana: Client, people: Characters) -> None:
    ComponentFactory(name="orders-api", project=people.project)
    with host.home.holding(*[panel for panel in host.home if panel.name == "mine"]):
        text = html(as_dana, "/")
    assert "My components" in text
    assert "orders-api" in text
    assert "Nothing is broken and nothing waits for you." in text


def test_home_of_a_newcomer_names_the_next_step(as_dana: Client, as_stranger: Client) -> None:
    assert "Your first" in html(as_dana, "/")
    assert "Nothing is yours yet" in html(as_stranger, "/")


def test_a_panel_that_fails_does_not_take_the_page_away(as_dana: Client) -> None:
    def fails(_: Any) -> Mapping[str, Any]:
        raise RuntimeError("broken app")

    panel = host.Panel("bad", "Bad panel", 1, "portal/panels/mine.html", fails)
    with host.home.holding(panel):
        assert "Bad panel" not in html(as_dana, "/")


def test_the_shell_shows_what_one_may_open(as_dana: Client, as_stranger: Client) -> None:
    assert 'href="/catalog/"' in html(as_dana, "/")
    text = html(as_stranger, "/")
    assert '<a href="/catalog/"' not in text.split("<main")[0]
    assert "sam.stranger, without a role" in text


def test_the_current_line_of_the_navigation_is_marked(as_dana: Client) -> None:
    assert '<a href="/catalog/" aria-current="page"' in html(as_dana, "/catalog/new/")
    assert '<a href="/" aria-current="page"' not in html(as_dana, "/catalog/")


def test_a_banner_stands_on_every_page(as_dana: Client) -> None:
    def freezes(_: Any) -> list[host.Banner]:
        return [host.Banner("Production is frozen", "until Monday", url="/freezes/")]

    with host.banners.holding(host.BannerSource(freezes)):
        for path in ("/", "/catalog/"):
            assert "Production is frozen" in html(as_dana, path)


def test_no_page_carries_inline_style_or_script(as_dana: Client, people: Characters) -> None:
    ComponentFactory(name="orders-api", project=people.project)
    for path in ("/", "/catalog/", "/catalog/orders-api/", "/catalog/new/", "/help/keyboard/"):
        text = html(as_dana, path)
        for forbidden in (" style=", "<style", " onclick", " onload", "hx-on", "<script>"):
            assert forbidden not in text, (path, forbidden)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["component-a", "component-b"]),
        ("?type=website", ["component-b"]),
        ("?q=component-a", ["component-a"]),
        ("?lifecycle=deprecated", []),
        ("?after=component-a", ["component-b"]),
        ("?before=component-b", ["component-a"]),
    ],
)
def test_the_catalog_is_filtered_by_its_address(
    as_dana: Client, people: Characters, query: str, expected: list[str]
) -> None:
    ComponentFactory(name="component-a", project=people.project)
    ComponentFactory(name="component-b", project=people.project, type="website")
    text = html(as_dana, f"/catalog/{query}")
    table = text.partition("<tbody>")[2].partition("</tbody>")[0]
    shown = [name for name in ("component-a", "component-b") if name in table]
    assert shown == expected


def test_paging_goes_there_and_back(as_dana: Client, people: Characters) -> None:
    for number in range(120):
        ComponentFactory(name=f"c-{number:03}", project=people.project)
    first = html(as_dana, "/catalog/")
    assert "c-049" in first
    assert "c-050" not in first
    assert 'href="/catalog/?after=c-049"' in first
    second = html(as_dana, "/catalog/?after=c-049")
    assert "c-050" in second
    assert 'href="/catalog/?before=c-050"' in second
    assert "c-000" in html(as_dana, "/catalog/?before=c-050")


def test_a_list_without_rows_says_why(
    as_dana: Client, as_viewer: Client, as_stranger: Client
) -> None:
    assert "No components yet" in html(as_dana, "/catalog/")
    assert "Nobody has added a component" in html(as_viewer, "/catalog/")
    assert "No match" in html(as_dana, "/catalog/?q=absent")
    assert "You can’t list components" in html(as_stranger, "/catalog/")


def test_export_is_the_filtered_list_and_no_formula(as_dana: Client, people: Characters) -> None:
    ComponentFactory(name="a-api", project=people.project, description="=HYPERLINK(1)")
    ComponentFactory(name="b-web", project=people.project, type="website")
    answer = as_dana.get("/catalog/export/?type=service")
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert answer["Content-Disposition"] == 'attachment; filename="catalog.csv"'
    assert len(lines) == 2
    assert lines[1].startswith("a-api,,service,experimental,orders,orders,'=HYPERLINK")


def test_a_component_is_added_by_the_form(as_dana: Client) -> None:
    data = {
        **FORM,
        "tags": "python\nbackend",
        "links": "https://example.org/x Runbook",
        "provides_apis": "orders\n",
    }
    answer = as_dana.post("/catalog/new/", data, follow=True)
    assert answer.redirect_chain == [("/catalog/orders-api/", 302)]
    assert "orders-api is in the catalog." in answer.content.decode()
    row = Component.objects.get()
    assert (row.tags, row.provides_apis) == (["python", "backend"], ["orders"])
    assert row.links == [{"url": "https://example.org/x", "title": "Runbook"}]


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"name": "Bad Name"}, "name", "is not a name"),
        ({"links": "ftp://x y"}, "links", "is no web address"),
        ({"owner": ""}, "owner", "This field is required"),
        ({"tags": "a b"}, "tags", "is no name"),
    ],
)
def test_an_error_stands_beside_its_field(
    as_dana: Client, change: dict[str, str], field: str, says: str
) -> None:
    answer = as_dana.post("/catalog/new/", {**FORM, **change})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert says in text
    assert f'id="id_{field}-error"' in text
    assert f'<a href="#id_{field}">' in text
    assert not Component.objects.exists()


def test_a_form_for_a_project_of_others_is_refused(as_viewer: Client) -> None:
    answer = as_viewer.get("/catalog/new/")
    text = answer.content.decode()
    assert answer.status_code == 403
    assert "component.create" in text
    assert "Who can grant it" in text


def test_a_component_shows_who_depends_on_it(as_dana: Client, people: Characters) -> None:
    ComponentFactory(name="orders-api", project=people.project, provides_apis=["orders"])
    ComponentFactory(name="orders-web", project=people.project, consumes_apis=["orders"])
    text = html(as_dana, "/catalog/orders-api/")
    assert 'href="/catalog/orders-web/"' in text
    assert "team orders" in text
    assert "GET /api/v1/components/orders-api/" in text


def test_what_a_person_may_not_see_is_not_found(as_stranger: Client, people: Characters) -> None:
    ComponentFactory(name="orders-api", project=people.project)
    assert "nothing here, or you may not see it" in html(as_stranger, "/catalog/orders-api/", 404)


def test_an_apps_tab_stands_on_the_component(as_dana: Client, people: Characters) -> None:
    ComponentFactory(name="orders-api", project=people.project)

    def runs(_: Any, component: Component) -> dict[str, Any]:
        return {"rows": [], "columns": [component.name]}

    tab = host.Tab("component", "runs", "Where it runs", "portal/panels/mine.html", runs)
    with host.entity_tabs.holding(tab):
        assert "?tab=runs" in html(as_dana, "/catalog/orders-api/")
        assert "<thead>" in html(as_dana, "/catalog/orders-api/?tab=runs")


def test_a_component_is_edited_unless_somebody_was_faster(
    as_dana: Client, people: Characters
) -> None:
    row = ComponentFactory(name="orders-api", project=people.project)
    page = "/catalog/orders-api/edit/"
    assert f'value="{row.version}"' in html(as_dana, page)
    data = {"type": "service", "lifecycle": "production", "owner": "orders", "title": "Orders"}
    assert as_dana.post(page, {**data, "version": row.version}).status_code == 302
    answer = as_dana.post(page, {**data, "version": row.version, "title": "Late"})
    assert answer.status_code == 422
    assert "Somebody changed orders-api" in answer.content.decode()
    row.refresh_from_db()
    assert row.title == "Orders"


def test_editing_what_git_holds_names_the_file(as_dana: Client, people: Characters) -> None:
    ComponentFactory(
        name="orders-api", project=people.project, source="git", source_location="orders.git:c.yaml"
    )
    text = html(as_dana, "/catalog/orders-api/edit/", 409)
    assert "is read from orders.git:c.yaml" in text
    assert "Change orders.git:c.yaml and push it." in text


def test_removing_goes_back_to_the_list(as_dana: Client, people: Characters) -> None:
    ComponentFactory(name="orders-api", project=people.project)
    answer = as_dana.post("/catalog/orders-api/delete/", follow=True)
    assert "no longer in the catalog" in answer.content.decode()
    assert not Component.objects.exists()


def test_a_file_is_imported_by_the_page(as_dana: Client) -> None:
    file = SimpleUploadedFile("catalog-info.yaml", ORDERS.encode())
    answer = as_dana.post("/catalog/import/", {"project": "orders", "file": file})
    text = answer.content.decode()
    assert "Components: 1 added." in text
    assert "documents.0.spec.system is not kept." in text
    assert Component.objects.get().source_location == "catalog-info.yaml"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "Choose a file or paste its text."),
        ({"text": "a: ["}, "It is not YAML"),
        ({"text": "kind: Component"}, "nothing was imported"),
    ],
)
def test_a_wrong_file_is_explained_by_the_page(
    as_dana: Client, data: dict[str, str], says: str
) -> None:
    answer = as_dana.post("/catalog/import/", {"project": "orders", **data})
    assert answer.status_code == 422
    assert says in answer.content.decode()


def test_the_palette_answers_what_one_may_see(
    as_dana: Client, as_stranger: Client, people: Characters
) -> None:
    ComponentFactory(name="orders-api", project=people.project)
    found = json.loads(as_dana.get("/palette/?q=orders").content)
    assert found["groups"][0]["title"] == "Components"
    assert found["groups"][0]["hits"][0]["url"] == "/catalog/orders-api/"
    hidden = json.loads(as_stranger.get("/palette/?q=orders").content)
    assert "Components" not in [group["title"] for group in hidden["groups"]]


def test_a_command_that_is_not_allowed_says_what_is_missing(as_viewer: Client) -> None:
    found = json.loads(as_viewer.get("/palette/?q=add a component").content)
    (hit,) = found["groups"][0]["hits"]
    assert (hit["disabled"], hit["url"]) == (True, "")
    assert hit["detail"] == "needs component.create"


def test_a_greater_sign_asks_for_commands_alone(as_dana: Client, people: Characters) -> None:
    ComponentFactory(name="catalog-api", project=people.project)
    found = json.loads(as_dana.get("/palette/?q=>catalog").content)
    titles = [hit["title"] for group in found["groups"] for hit in group["hits"]]
    assert "Catalog" in titles
    assert "catalog-api" not in titles


def test_a_provider_that_fails_does_not_silence_the_rest(as_dana: Client) -> None:
    def fails(*_: Any) -> list[host.Hit]:
        raise RuntimeError("broken app")

    def finds(*_: Any) -> list[host.Hit]:
        return [host.Hit("a hit", "/x/", status="Healthy")]

    with host.search.holding(host.SearchProvider("A", fails), host.SearchProvider("B", finds)):
        found = json.loads(as_dana.get("/palette/?q=anything").content)
    assert [group["title"] for group in found["groups"]] == ["B"]
    assert found["groups"][0]["hits"][0]["tone"] == "ok"


def test_search_is_a_page_too(as_dana: Client, people: Characters) -> None:
    ComponentFactory(name="orders-api", project=people.project)
    assert 'href="/catalog/orders-api/"' in html(as_dana, "/search/?q=orders")
    assert "Nothing found" in html(as_dana, "/search/?q=zzzz")


def test_keyboard_help_lists_the_shortcuts(as_dana: Client) -> None:
    text = html(as_dana, "/help/keyboard/")
    assert "<kbd>g</kbd> <kbd>k</kbd>" in text


def test_the_catalog_page_is_bounded_in_queries(
    as_dana: Client, people: Characters, django_assert_max_num_queries: Any
) -> None:
    for number in range(50):
        ComponentFactory(name=f"c-{number:03}", project=people.project)
    html(as_dana, "/catalog/")
    with django_assert_max_num_queries(12):
        html(as_dana, "/catalog/")


def test_a_panel_may_cover_another_and_gets_its_data_as_variables(
    as_dana: Client, people: Characters
) -> None:
    ComponentFactory(name="orders-api", project=people.project)

    def runs(_: Any) -> Mapping[str, Any]:
        return {"rows": [], "columns": ["Quarter"], "count": 0}

    better = host.Panel(
        "better", "Where they run", 1, "portal/panels/mine.html", runs, covers="mine"
    )
    with host.home.holding(*host.home, better):
        text = html(as_dana, "/")
    assert "Where they run" in text
    assert "Quarter" in text
    assert "mine-panel" not in text


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("new env", "New environment"),
        ("new environment", "New environment"),
        ("create environment", "New environment"),
        ("theme", "Theme: dark"),
    ],
)
def test_the_palette_knows_the_words_of_the_buttons(as_dana: Client, text: str, title: str) -> None:
    found = json.loads(as_dana.get("/palette/", {"q": text}).content)
    assert title in [hit["title"] for group in found["groups"] for hit in group["hits"]]


def test_parts_that_are_kept_are_of_their_values_alone(as_dana: Client) -> None:
    drawn = slipway.drawn
    first, second = (
        drawn("components/keys.html", shortcuts=(Shortcut(title, "/", "g x"),))
        for title in ("<One>", "Two")
    )
    assert "&lt;One&gt;" in first
    assert "One" not in second
    assert drawn("components/keys.html", shortcuts=(Shortcut("Two", "/", "g x"),)) is second
    for path in ("/catalog/", "/changes/"):
        nav = as_dana.get(path).content.decode().split("</nav>")[0]
        assert f'<a href="{path}" aria-current="page"' in nav
        assert nav.count('aria-current="page"') == 1
