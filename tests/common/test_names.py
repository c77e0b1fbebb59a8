import re

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from idp.common.names import MAX_NAME, RESERVED, dns_label, dns_name


@pytest.mark.parametrize("name", ["a", "orders-api", "a1", "x" * MAX_NAME])
def test_labels_pass(name: str) -> None:
    dns_label(name)


@pytest.mark.parametrize(
    "name",
    ["", "-a", "a-", "1a", "A", "a_b", "a.b", "a b", "ä", "x" * 41, "a\n", "../etc", "a\x00"],
)
def test_what_is_no_label_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        dns_label(name)
    assert caught.value.code == "dns_label"
    assert "like “orders-api”" in caught.value.message


@pytest.mark.parametrize("name", [*sorted(RESERVED), "kube-anything"])
def test_reserved_names_are_refused_with_a_way_out(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        dns_label(name)
    assert caught.value.code == "reserved"
    assert f"“{name}-1”" in caught.value.message


@given(st.text(max_size=60))
def test_what_passes_is_a_dns_label_by_rfc_1123(name: str) -> None:
    try:
        dns_label(name)
    except ValidationError:
        return
    assert re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", name)


@pytest.mark.parametrize("name", ["apps.example.com", "a.b", "1.example.test", "x" * 63 + ".y"])
def test_domains(name: str) -> None:
    dns_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", "apps", "Apps.example.com", "a..b", ".a.b", "a.b.", "-a.b", "a-.b", "a b.c"),
        *("x" * 64 + ".y", "a.b/c", "*.a.b", "a.b\n", ".".join(["abc"] * 60)),
    ],
)
def test_what_is_no_domain_says_how_one_looks(name: str) -> None:
    with pytest.raises(ValidationError, match=r"like “apps\.example\.com”"):
        dns_name(name)
