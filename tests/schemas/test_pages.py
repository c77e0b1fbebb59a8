from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from rbac.actors import Actor
from schemas.addresses import page_of
from schemas.models import Subject
from tests.rbac.factories import Characters
from tests.schemas.factories import V1, V2, register


@pytest.fixture
def dana(people: Characters) -> Actor:
    return Actor(people.developer)


@pytest.fixture
def orders(dana: Actor) -> Subject:
    return register(dana, "orders-value", V1, V2)


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def as_dana(people: Characters) -> Client:
    return signed_in(people.developer)


def html(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content[:3000]
    return answer.content.decode()


@pytest.mark.parametrize("tab", ["", "differences", "data", "history"])
def test_tabs(as_dana: Client, orders: Subject, tab: str) -> None:
    text = html(as_dana, f"{page_of(orders)}?tab={tab}")
    assert "orders-value" in text


@pytest.mark.parametrize("path", ["edit", "lifecycle", "delete"])
def test_forms(as_dana: Client, orders: Subject, path: str) -> None:
    html(as_dana, page_of(orders, path))


def test_list(as_dana: Client, orders: Subject) -> None:
    assert "orders-value" in html(as_dana, "/schemas/")
    assert "orders-value" in html(as_dana, "/schemas/compare/?subject=orders-value")
