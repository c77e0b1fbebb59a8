from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.common import quantities
from idp.common.errors import Invalid


@pytest.mark.parametrize(
    ("text", "cores"), [("250m", "0.25"), ("2", "2"), (2, "2"), ("1.5", "1.5"), (0.5, "0.5")]
)
def test_cpu_in_cores(text: str | float, cores: str) -> None:
    assert quantities.cpu(text) == Decimal(cores)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1Gi", 2**30), ("500M", 500_000_000), ("128Mi", 2**27), ("1024", 1024), (5, 5)],
)
def test_memory_in_bytes(text: str | int, size: int) -> None:
    assert quantities.memory(text) == size


@pytest.mark.parametrize("text", ["", "x", "-1", "1e3", "1 Gi", "1GiB", "9" * 30, "99999P", "nan"])
def test_what_is_no_amount_names_field_and_fix(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        quantities.memory(text, field="limits.memory")
    assert caught.value.message == f"“{text}” is not an amount."
    assert caught.value.errors[0].field == "limits.memory"
    assert caught.value.fix == "Write it like 256Mi or 1Gi."


@given(st.integers(0, 10**6))
def test_millicores_survive_the_way_back(millis: int) -> None:
    cores = Decimal(millis) / 1000
    assert quantities.cpu(quantities.cpu_text(cores)) == cores


@given(st.integers(0, 2**50))
def test_bytes_survive_the_way_back(size: int) -> None:
    assert quantities.memory(quantities.memory_text(size)) == size


def test_shortest_texts() -> None:
    assert quantities.cpu_text(Decimal("0.25")) == "250m"
    assert quantities.cpu_text(Decimal("0.0001")) == "1m"
    assert quantities.memory_text(2**30) == "1Gi"
    assert quantities.memory_text(1536 * 2**20) == "1536Mi"
