import pytest

from idp.changes.models import Change
from idp.common.errors import StaleState
from idp.common.transitions import transition
from rbac.models import Scope

pytestmark = pytest.mark.django_db


@pytest.fixture
def change() -> Change:
    root, _ = Scope.objects.get_or_create(kind=Scope.Kind.EVERYTHING)
    return Change.objects.create(
        kind="test", verb="environment.scale", title="Scale", scope=root, origin="page"
    )


def test_the_row_moves_with_its_fields(change: Change) -> None:
    transition(change, Change.State.READY, reason="planned")
    assert (change.state, change.reason) == ("ready", "planned")
    change.refresh_from_db()
    assert (change.state, change.reason) == ("ready", "planned")


def test_a_row_that_moved_meanwhile_is_stale_and_stays(change: Change) -> None:
    Change.objects.filter(pk=change.pk).update(state="cancelled")
    with pytest.raises(StaleState, match="is no longer planning; look at it again"):
        transition(change, Change.State.READY)
    change.refresh_from_db()
    assert change.state == "cancelled"


def test_several_states_may_be_expected(change: Change) -> None:
    transition(change, "cancelled", expected=["planning", "ready"])
    assert change.state == "cancelled"


def test_only_the_expected_state_moves(change: Change) -> None:
    with pytest.raises(StaleState, match="is no longer ready"):
        transition(change, "waiting", expected="ready")


def test_a_move_that_the_table_does_not_know_is_a_mistake(change: Change) -> None:
    with pytest.raises(ValueError, match="Change cannot go from planning to observing"):
        transition(change, "observing")
    with pytest.raises(ValueError, match="Change cannot go from succeeded to planning"):
        transition(change, "planning", expected="succeeded")
