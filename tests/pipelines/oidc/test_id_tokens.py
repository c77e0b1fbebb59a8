"""`id_tokens`: a job proves what it is to whoever trusts Slipway's keys."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet

from pipelines.executors import variables
from pipelines.oidc import keys, tokens
from pipelines.oidc.models import SigningKey
from pipelines.runs import claiming, work
from pipelines.runs.models import Pipeline
from tests.pipelines.runs.conftest import World, _places, world

__all__ = ["_places", "world"]
FILE = """
deploy:
  script: [echo]
  environment: production
  id_tokens:
    AWS: {aud: sts.amazonaws.com}
    BOTH: {aud: [https://a.example.test, https://b.example.test]}
"""


def made(world: World) -> tuple[Any, dict[str, str], tuple[str, ...]]:
    world.start(FILE)
    (taken,) = claiming.take(1)
    stored = work.decode(taken.attempt.job.work)
    found = variables.for_job(taken.attempt, stored, [])
    return taken.attempt, found, variables.to_mask(stored, found)


def trusted() -> KeySet:
    """What a cloud does: discovery first, then the keys that it names."""
    client = Client()
    told = client.get("/.well-known/openid-configuration").json()
    assert told["issuer"] == tokens.issuer()
    path = told["jwks_uri"].removeprefix(tokens.issuer())
    return KeySet.import_key_set(client.get(path).json())


def test_a_token_says_what_the_job_is_and_is_proved_by_the_served_keys(world: World) -> None:
    attempt, found, masked = made(world)
    token = jwt.decode(found["AWS"], trusted(), algorithms=["RS256"])
    claims, pipeline = token.claims, attempt.job.pipeline
    assert (claims["iss"], claims["aud"]) == (tokens.issuer(), "sts.amazonaws.com")
    assert claims["sub"] == "project_path:orders:ref_type:branch:ref:main"
    assert (claims["ref_protected"], claims["environment"]) == ("true", "production")
    assert (claims["sha"], claims["job_id"]) == (pipeline.sha, str(attempt.pk))
    assert claims["user_login"] == "dana.dev"
    assert claims["nbf"] <= time.time() < claims["exp"] <= time.time() + 3601
    both = jwt.decode(found["BOTH"], trusted(), algorithms=["RS256"]).claims
    assert both["aud"] == ["https://a.example.test", "https://b.example.test"]
    assert both["jti"] != claims["jti"]
    assert {found["AWS"], found["BOTH"]} <= set(masked)


def test_another_key_proves_nothing(world: World) -> None:
    _, found, _ = made(world)
    SigningKey.objects.all().delete()
    with pytest.raises(InvalidKeyIdError):
        jwt.decode(found["AWS"], trusted(), algorithms=["RS256"])


def test_a_fork_proves_nothing(world: World) -> None:
    pipeline = world.start(FILE)
    Pipeline.objects.filter(pk=pipeline.pk).update(foreign=True)
    (taken,) = claiming.take(1)
    stored = work.decode(taken.attempt.job.work)
    assert not {"AWS", "BOTH"} & set(variables.for_job(taken.attempt, stored, []))


def test_keys_change_in_time_and_the_last_ones_are_served_a_while(db: None) -> None:
    first = keys.signing()
    assert keys.signing() == first
    later = timezone.now() + keys.LASTS + timedelta(minutes=1)
    with time_machine.travel(later):
        second = keys.signing()
        assert second != first
        assert [key["kid"] for key in keys.served()] == [second.kid, first.kid]
    with time_machine.travel(later + keys.SERVED + timedelta(minutes=1)):
        assert [key["kid"] for key in keys.served()] == [second.kid]


def test_what_is_served_is_public(db: None) -> None:
    for key in keys.served():
        assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}
    with connection.cursor() as cursor:
        cursor.execute("SELECT private FROM pipelines_signingkey")
        assert '"d"' not in cursor.fetchone()[0]
