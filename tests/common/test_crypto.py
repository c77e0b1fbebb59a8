from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.fixtures import Settings

from gitops.models import CloudAccount, SecretValue
from idp.common import crypto, rotation
from idp.common.crypto import WrongKey
from rbac.models import Scope

pytestmark = pytest.mark.django_db
OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


@pytest.fixture(autouse=True)
def old_key(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [OLD]


@pytest.fixture
def secret(old_key: None) -> SecretValue:
    root, _ = Scope.objects.get_or_create(kind=Scope.Kind.EVERYTHING)
    value = "sk_live_1"
    return SecretValue.objects.create(
        scope=root, name="stripe", version=1, value=value, digest=crypto.keyed_digest(value)
    )


def stored(model: type, column: str, pk: int) -> str:
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(model._meta.db_table)
        cursor.execute(f"SELECT {column} FROM {table} WHERE id = %s", [pk])  # noqa: S608
        return str(cursor.fetchone()[0])


def test_the_database_holds_no_plain_text(secret: SecretValue) -> None:
    held = stored(SecretValue, "value", secret.pk)
    assert "sk_live" not in held
    assert SecretValue.objects.get().value == "sk_live_1"


def test_json_values_come_back_as_they_were() -> None:
    account = CloudAccount.objects.create(name="aws", credentials={"access_key_id": "AKIA", "n": 1})
    account.refresh_from_db()
    assert account.credentials == {"access_key_id": "AKIA", "n": 1}
    assert "AKIA" not in stored(CloudAccount, "credentials", account.pk)


def test_a_value_under_a_lost_key_says_what_to_do(secret: SecretValue, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(WrongKey, match="a key that is not configured") as caught:
        SecretValue.objects.get()
    assert "SLIPWAY_ENCRYPTION_KEYS" in caught.value.fix


def test_equal_texts_have_equal_digests_under_one_key(settings: Settings) -> None:
    one = crypto.keyed_digest("a")
    assert one == crypto.keyed_digest("a") != crypto.keyed_digest("b")
    settings.ENCRYPTION_KEYS = [NEW]
    assert crypto.keyed_digest("a") != one


def test_after_rotation_the_former_key_can_go(secret: SecretValue, settings: Settings) -> None:
    account = CloudAccount.objects.create(name="aws", credentials={"a": "b"})
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert rotation.rotate().rotated >= 2
    settings.ENCRYPTION_KEYS = [NEW]
    account.refresh_from_db()
    secret.refresh_from_db()
    assert (account.credentials, secret.value) == ({"a": "b"}, "sk_live_1")
    assert secret.digest == crypto.keyed_digest("sk_live_1")


def test_rotation_may_run_again(secret: SecretValue, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert rotation.rotate().rotated == 1
    again = rotation.rotate()
    assert (again.rotated, again.current) == (0, 1)


def test_every_page_of_rows_is_rotated(
    secret: SecretValue, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in range(2, 7):
        SecretValue.objects.create(
            scope=secret.scope, name="stripe", version=version, value=f"v{version}", digest="x"
        )
    monkeypatch.setattr(rotation, "BATCH", 2)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert rotation.rotate().rotated == 6


def test_the_command_tells_what_no_key_reads(secret: SecretValue, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(CommandError, match=f"reads gitops.SecretValue {secret.pk} "):
        call_command("rotate_keys", stdout=StringIO())


def test_the_command_says_what_comes_next(secret: SecretValue, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    out = StringIO()
    call_command("rotate_keys", stdout=out)
    assert "1 values encrypted anew, 0 had the newest key already." in out.getvalue()
    assert "former keys can be removed" in out.getvalue()
