"""A plan that another change overtook says so, does nothing, and leaves no fault in the log."""

from __future__ import annotations

import pytest

from environments import services
from idp.changes.models import Change
from rbac.actors import Actor
from tests.environments.factories import bring, of, settle
from tests.environments.test_services import live_replicas
from tests.rbac.factories import Characters
from tests.support.changes import run_until_settled

pytestmark = pytest.mark.django_db


def test_the_second_of_two_plans_is_not_applied(
    dana: Actor, people: Characters, caplog: pytest.LogCaptureFixture
) -> None:
    environment = bring(dana, people.project)
    two, three = (
        run_until_settled(services.scale(dana, environment, replicas=number)) for number in (2, 3)
    )
    assert settle(dana, two).state == Change.State.SUCCEEDED
    late = settle(dana, three)
    assert late.state == Change.State.FAILED
    assert "was changed by dana.dev (“Scale orders/demo: web to replicas 2”)" in late.reason
    assert "ask again" in late.reason
    assert live_replicas(of(environment.scope)) == 2
    assert not [record for record in caplog.records if record.exc_info]
