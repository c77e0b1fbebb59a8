"""Pages as people see them, for the tests of this folder."""

from __future__ import annotations

from django.test import Client

from rbac.models import User


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def html(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content[:3000]
    return answer.content.decode()


def posted(client: Client, path: str, status: int, **data: str) -> str:
    answer = client.post(path, data)
    assert answer.status_code == status, answer.content[:3000]
    return answer.content.decode() or str(answer.get("Location"))
