"""The template language: typed values, bounds, and messages that name the place."""

from __future__ import annotations

from typing import Any

import pytest

from environments.rendering.template import compile_template
from environments.rendering.tree import MAX_ITEMS
from idp.common.errors import Invalid

FACTS: dict[str, Any] = {
    "parameters": {"n": 3, "name": "web", "on": True, "list": ["a", "b"], "map": {"k": 1}},
    "environment": {"name": "staging"},
    "cluster": {},
    "account": {},
    "workloads": {},
    "resources": {},
}
HEAD = "documents:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: x}\n"


def rendered(body: str, head: str = "") -> dict[str, Any]:
    documents, _ = compile_template(head + HEAD + body).render(FACTS)
    assert len(documents) == 1
    return documents[0]


def problem(text: str) -> Invalid:
    with pytest.raises(Invalid) as caught:
        compile_template(text)
    return caught.value


def test_a_whole_expression_keeps_its_type_and_one_in_a_text_becomes_text() -> None:
    data = rendered(
        '    data: {n: "${{ parameters.n + 1 }}", t: "n=${{ parameters.n }}!",'
        ' b: "${{ parameters.on }}", l: "${{ parameters.list }}"}\n'
    )["data"]
    assert data == {"n": 4, "t": "n=3!", "b": True, "l": ["a", "b"]}


def test_null_leaves_the_key_out() -> None:
    data = rendered('    data: {a: "${{ parameters.on ? null : 1 }}", b: 1}\n')["data"]
    assert data == {"b": 1}


def test_values_cannot_break_out_of_their_place() -> None:
    facts = {**FACTS, "parameters": {"name": 'x"}\nkind: Secret\n---\n${{ cluster }}'}}
    template = compile_template(HEAD + '    data: {a: "${{ parameters.name }}"}\n')
    documents, _ = template.render(facts)
    assert documents[0]["kind"] == "ConfigMap"
    assert documents[0]["data"]["a"] == facts["parameters"]["name"]


def test_each_repeats_over_lists_and_sorted_maps_and_if_leaves_out() -> None:
    data = rendered(
        "    data:\n"
        "      - {$each: '${{ parameters.list }}', v: '${{ item }}'}\n"
        "      - {$each: '${{ parameters.map }}', $as: one, v: '${{ one.key }}'}\n"
        "      - {$if: '${{ !parameters.on }}', v: never}\n"
    )["data"]
    assert data == [{"v": "a"}, {"v": "b"}, {"v": "k"}]


def test_a_false_map_is_left_out_of_its_parent() -> None:
    assert "data" not in rendered("    data: {$if: '${{ false }}', a: 1}\n")


def test_let_names_a_value_for_what_follows() -> None:
    head = "let:\n  sizes: {small: 1}\n  twice: '${{ sizes.small * 2 }}'\n"
    assert rendered("    data: {a: '${{ twice }}'}\n", head)["data"] == {"a": 2}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1", "a list “documents”"),
        ("documents: []\nextra: 1", "“extra” is not known"),
        ("documents:\n  - {kind: X}", "needs apiVersion, kind and metadata"),
        (HEAD + '    data: {"${{ a }}": 1}', "An expression stands in a key"),
        (HEAD + "    data: {$for: 1}", "“$for” is not known"),
        (HEAD + "    data: {a: '${{ parameters.n'}", "is not closed"),
        (HEAD + "    data: {a: '${{ secret.value }}'}", "“secret” is not a known name"),
        (HEAD + "    data: {a: '${{ parameters. }}'}", "not CEL"),
        (HEAD + f"    data: {{a: '${{{{ {'1+' * 600}1 }}}}'}}", "1201 characters"),
        (HEAD + "    data: {$if: 'yes', a: 1}", "This takes one expression"),
        (HEAD + "    data: [{$each: '${{ [1] }}', $as: cluster}]", "is no free name"),
        (
            HEAD + "    data: [{$each: '${{ [1] }}', $as: a, b: [{$each: '${{ [1] }}', $as: c,"
            " d: [{$each: '${{ [1] }}', $as: e}]}]}]",
            "at most 2 deep",
        ),
        (
            HEAD + "    data: {a: '${{ [1].map(x, [1].map(y, [1].map(z, z))) }}'}",
            "3 macros",
        ),
        ("workloads: {web: {}}\n" + HEAD, "needs an image"),
        ("workloads: {web: {image: a, kind: pet}}\n" + HEAD, "Use one of service"),
        ("workloads: {web: {image: a, cpu: 1}}\n" + HEAD, "“cpu” is not known"),
        ("workloads: {web: {image: '${{ workloads.web }}'}}\n" + HEAD, "“workloads” is not"),
        ("resources: {kinds: [Database]}\n" + HEAD, "“Database” is not known"),
        ("resources: {max: 1000}\n" + HEAD, "from 0 to 100"),
        ("let: {parameters: 1}\n" + HEAD, "is no free name"),
        ("let: []\n" + HEAD, "takes a map"),
    ],
)
def test_a_bad_template_is_refused_when_it_is_saved(text: str, words: str) -> None:
    error = problem(text)
    assert words in error.message
    assert error.errors[0].field.startswith("template.")


def test_a_template_of_too_many_expressions_or_bytes_is_refused() -> None:
    many = HEAD + "    data:\n" + "".join(f"      a{i}: '${{{{ {i} }}}}'\n" for i in range(401))
    assert "at most 400 expressions" in problem(many).message
    assert "longer than 128000 bytes" in problem("# " + "x" * 128_000).message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("    data: {a: '${{ parameters.lost }}'}\n", "reads “lost”, which is not there"),
        ("    data: {$if: '${{ parameters.n }}', a: 1}\n", "$if takes true or false"),
        ("    data: [{$each: '${{ parameters.n }}', a: 1}]\n", "takes a list or a map"),
        ("    data: {a: 'x${{ parameters.list }}'}\n", "Only texts and numbers"),
    ],
)
def test_what_only_rendering_can_tell_names_the_place_too(body: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        rendered(body)
    assert words in caught.value.message
    assert "template.documents[0].data" in caught.value.message


def test_each_is_bounded() -> None:
    template = compile_template(HEAD + "    data: [{$each: '${{ parameters.list }}', a: 1}]\n")
    facts = {**FACTS, "parameters": {"list": [1] * (MAX_ITEMS + 1)}}
    with pytest.raises(Invalid, match="at most 100 items, not 101"):
        template.render(facts)


def test_source_of_finds_the_parameter_behind_a_workload_field() -> None:
    template = compile_template(
        "workloads:\n  web:\n    image: ${{ parameters.image }}\n"
        "    replicas: ${{ parameters.scale.pods }}\n"
        "    minReplicas: ${{ parameters.n + 1 }}\n" + HEAD
    )
    assert template.source_of("web", "image") == ("image",)
    assert template.source_of("web", "replicas") == ("scale", "pods")
    assert template.source_of("web", "minReplicas") == ()
    assert template.source_of("web", "maxReplicas") == ()
    assert template.source_of("job", "image") == ()
