"""Reading `catalog-info.yaml`: Backstage's shape, owners, and hostile files."""

from __future__ import annotations

import pytest

from idp.common.errors import Clash, Forbidden, Invalid
from portal.catalog import MAX_DOCUMENTS, import_document
from portal.models import Component
from rbac.actors import Actor
from rbac.models import AuditRecord
from tests.portal.factories import ComponentFactory
from tests.rbac.factories import Characters, TeamFactory, UserFactory, make_project, member_of

PLACE = "orders.git:catalog-info.yaml"
ORDERS = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: orders-api
  title: Orders
  description: Takes orders.
  tags: [python, python]
  links:
    - url: https://runbooks.example.org/orders
      title: Runbook
      icon: docs
  annotations: {backstage.io/techdocs-ref: "dir:."}
spec:
  type: service
  lifecycle: production
  owner: group:default/orders
  providesApis: [orders]
  consumesApis: [api:default/payments]
  system: shop
"""
OTHER = ORDERS.replace("orders-api", "orders-web")


def document(**spec: str) -> str:
    lines = {"type": "service", "lifecycle": "production", "owner": "orders", **spec}
    body = "".join(f"  {key}: {value}\n" for key, value in lines.items())
    head = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: orders-api}\n"
    return f"{head}spec:\n{body}"


def test_a_component_is_read_with_its_owner_and_relations(dana: Actor, people: Characters) -> None:
    done = import_document(dana, people.project, ORDERS, PLACE)
    row = Component.objects.get()
    assert (done.created, done.updated, done.removed) == (["orders-api"], [], [])
    assert (row.title, row.type, row.lifecycle) == ("Orders", "service", "production")
    assert row.owner == people.project.team
    assert row.tags == ["python"]
    assert row.links == [{"url": "https://runbooks.example.org/orders", "title": "Runbook"}]
    assert (row.provides_apis, row.consumes_apis) == (["orders"], ["payments"])
    assert (row.source, row.source_location) == ("git", PLACE)
    assert AuditRecord.objects.get(action="component.import").target_label == "orders-api"


def test_what_is_not_kept_is_told(dana: Actor, people: Characters) -> None:
    done = import_document(dana, people.project, ORDERS, PLACE)
    assert done.warnings == [
        "documents.0.metadata.annotations is not kept.",
        "documents.0.spec.system is not kept.",
    ]


def test_the_same_file_again_changes_nothing(dana: Actor, people: Characters) -> None:
    import_document(dana, people.project, ORDERS, PLACE)
    before = Component.objects.get().updated_at
    done = import_document(dana, people.project, ORDERS, PLACE)
    assert (done.unchanged, done.sentence) == (["orders-api"], "Components: 1 unchanged.")
    assert Component.objects.get().updated_at == before
    assert AuditRecord.objects.filter(action="component.import").count() == 1


def test_a_changed_file_changes_its_component(dana: Actor, people: Characters) -> None:
    import_document(dana, people.project, ORDERS, PLACE)
    text = ORDERS.replace("Takes orders.", "Takes all orders.")
    assert import_document(dana, people.project, text, PLACE).updated == ["orders-api"]
    assert Component.objects.get().description == "Takes all orders."


def test_what_a_file_lists_no_longer_is_marked_and_may_come_back(
    dana: Actor, people: Characters
) -> None:
    import_document(dana, people.project, f"{ORDERS}---\n{OTHER}", PLACE)
    done = import_document(dana, people.project, ORDERS, PLACE)
    assert done.removed == ["orders-web"]
    assert Component.objects.get(name="orders-web").removed_at is not None
    again = import_document(dana, people.project, f"{ORDERS}---\n{OTHER}", PLACE)
    assert again.updated == ["orders-web"]
    assert Component.objects.get(name="orders-web").removed_at is None


def test_other_files_components_are_left_alone(dana: Actor, people: Characters) -> None:
    import_document(dana, people.project, ORDERS, PLACE)
    done = import_document(dana, people.project, OTHER, "orders.git:web/catalog-info.yaml")
    assert done.removed == []
    assert Component.objects.filter(removed_at=None).count() == 2


def test_other_kinds_and_empty_documents_are_left_out(dana: Actor, people: Characters) -> None:
    other = "apiVersion: backstage.io/v1alpha1\nkind: Domain\nmetadata: {name: orders}\nspec: {}\n"
    done = import_document(dana, people.project, f"---\n---\n{other}---\n{ORDERS}", PLACE)
    assert done.created == ["orders-api"]
    assert done.warnings[0] == "documents.0: kind Domain is not kept; only Component is."


@pytest.mark.parametrize("owner", ["orders", "group:orders", "group:default/orders"])
def test_a_group_is_a_team(dana: Actor, people: Characters, owner: str) -> None:
    done = import_document(dana, people.project, document(owner=owner), PLACE)
    assert (Component.objects.get().owner.name, done.warnings) == ("orders", [])


def test_a_person_stands_for_the_only_team_they_are_in(dana: Actor, people: Characters) -> None:
    team = TeamFactory(name="web")
    member_of(team, "wim.web")
    done = import_document(dana, people.project, document(owner="user:default/wim.web"), PLACE)
    assert (Component.objects.get().owner, done.warnings) == (team, [])


@pytest.mark.parametrize("owner", ["nobody", "user:ghost", "user:loner", "system:orders-x"])
def test_an_unknown_owner_falls_to_the_projects_team(
    dana: Actor, people: Characters, owner: str
) -> None:
    UserFactory(username="loner")
    done = import_document(dana, people.project, document(owner=owner), PLACE)
    assert Component.objects.get().owner == people.project.team
    assert "team orders owns it" in done.warnings[0]


@pytest.mark.parametrize(
    ("text", "field", "says"),
    [
        ("kind: Component\n", "documents.0", "apiVersion"),
        ("- a\n", "documents.0", "object"),
        ("just text\n", "documents.0", "object"),
        (ORDERS.replace("v1alpha1", "v9"), "documents.0.apiVersion", "v9"),
        (ORDERS.replace("orders-api", "Orders_API"), "documents.0.name", "is not a name"),
        (ORDERS.replace("orders-api", "kube-system"), "documents.0.name", "reserved"),
        (ORDERS.replace("lifecycle: production", "lifecycle: dead"), "lifecycle", "dead"),
        (ORDERS.replace("lifecycle: production", "lifecycle: 3"), "lifecycle", "3"),
        (ORDERS.replace("type: service", "type: [a]"), "documents.0.spec.type", "string"),
        (ORDERS.replace("[orders]", "orders"), "documents.0.spec.providesApis", "array"),
        (ORDERS.replace("https://", "javascript:"), "documents.0.links.0.url", "no web address"),
        (f"{ORDERS}---\n{ORDERS}", "documents.1.metadata.name", "stands there twice"),
        ("a: &a [1, 2]\nb: *a\n", "documents.0", "apiVersion"),
        ("a: [", "line", "not YAML"),
        ("kind: !!python/object:os.system x", "line", "tag"),
        ("x: 1\nx: 2\n", "line 2", "twice"),
    ],
)
def test_a_wrong_file_names_the_place_and_changes_nothing(
    dana: Actor, people: Characters, text: str, field: str, says: str
) -> None:
    with pytest.raises(Invalid) as caught:
        import_document(dana, people.project, text, PLACE)
    found = [f"{error.field}: {error.message}" for error in caught.value.errors]
    assert any(field in line and says in line for line in found), found
    assert not Component.objects.exists()


def test_a_bomb_of_aliases_is_refused(dana: Actor, people: Characters) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(Invalid, match="values, aliases expanded"):
        import_document(dana, people.project, "\n".join(lines), PLACE)


def test_a_file_is_taken_whole_or_not_at_all(dana: Actor, people: Characters) -> None:
    broken = OTHER.replace("tags: [python, python]", "tags: ['a b']")
    with pytest.raises(Invalid, match="is no name"):
        import_document(dana, people.project, f"{ORDERS}---\n{broken}", PLACE)
    assert not Component.objects.exists()


def test_too_many_documents_are_refused(dana: Actor, people: Characters) -> None:
    text = "---\n".join("kind: API\n" for _ in range(MAX_DOCUMENTS + 1))
    with pytest.raises(Invalid, match="200 are the most"):
        import_document(dana, people.project, text, PLACE)


@pytest.mark.parametrize("location", ["", "x" * 301])
def test_a_location_is_needed(dana: Actor, people: Characters, location: str) -> None:
    with pytest.raises(Invalid, match="1 to 300 characters"):
        import_document(dana, people.project, ORDERS, location)


def test_a_name_of_another_project_is_not_taken_over(dana: Actor, people: Characters) -> None:
    ComponentFactory(name="orders-api", project=make_project("payments"))
    with pytest.raises(Clash, match="taken by a component of another project"):
        import_document(dana, people.project, ORDERS, PLACE)


def test_two_files_do_not_fight_over_a_name(dana: Actor, people: Characters) -> None:
    import_document(dana, people.project, ORDERS, PLACE)
    with pytest.raises(Clash, match=r"is read from orders\.git:catalog-info\.yaml already"):
        import_document(dana, people.project, ORDERS, "elsewhere.yaml")


def test_a_component_made_in_the_page_moves_to_git(dana: Actor, people: Characters) -> None:
    ComponentFactory(name="orders-api", project=people.project)
    import_document(dana, people.project, ORDERS, PLACE)
    assert Component.objects.get().source == "git"


def test_a_viewer_may_not_import(people: Characters) -> None:
    with pytest.raises(Forbidden, match=r"component\.create"):
        import_document(Actor(user=people.viewer), people.project, ORDERS, PLACE)


def test_an_empty_file_says_so(dana: Actor, people: Characters) -> None:
    done = import_document(dana, people.project, "", PLACE)
    assert done.sentence == "The file holds no component."
