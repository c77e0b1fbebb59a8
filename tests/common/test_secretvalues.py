"""What looks like a secret value, and what only has its name."""

from __future__ import annotations

import pytest

from idp.common.secretvalues import found_in, kind_of

RANDOM = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzKEY"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("A", "AKIA" + "ABCDEFGHIJKLMNOP"),
        ("A", "ghp_" + "a1B2" * 9),
        ("A", "slp_abcdefghijkl_" + "a1B2c" * 8 + "abc"),
        ("A", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"),
        ("A", "-----BEGIN PRIVATE KEY-----\nMIIE"),
        ("DATABASE_URL", "postgres://u:s3cretpw@db/x"),
        ("A", "jdbc:postgresql://db/x?user=u&password=s3cretpw"),
        ("DB_PASSWORD", "hunter2hunter2"),
        ("dbPassword", "correct horse battery"),
        ("AWS_SECRET_ACCESS_KEY", RANDOM),
        ("APIKEY", RANDOM),
        ("auth.token", "0123456789abcdef0123456789abcdef"),
        ("application.properties", "a=b\nspring.datasource.password=hunter2hunter2\n"),
        ("config.json", '{\n  "db": {\n    "password": "hunter2hunter2",\n  }\n}'),
        ("config.yaml", "db:\n  - password: hunter2hunter2  # real\n"),
    ],
)
def test_secret_values_are_found(name: str, value: str) -> None:
    assert kind_of(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", ""),
        ("DB_PASSWORD", "changeme"),
        ("DB_PASSWORD", "change-me!"),
        ("DB_PASSWORD", "<your password>"),
        ("DB_PASSWORD", "********"),
        ("DB_PASSWORD", "${DB_PASSWORD}"),
        ("DB_PASSWORD", "$(OTHER_PASSWORD)"),
        ("DB_PASSWORD", "db-password@3"),
        ("DB_PASSWORD_FILE", "/run/secrets/db-password-1"),
        ("API_TOKEN", "/run/secrets/db-password-1"),
        ("DATABASE_URL", "postgres://u:$(DB_PASSWORD)@db/x"),
        ("DATABASE_URL", "postgres://u@db/x"),
        ("TOKEN_URL", "https://id.example.test/oauth2/token"),
        ("SECRET", "arn:aws:secretsmanager:eu-central-1:000000000000:secret:x-1a2B3c"),
        ("PULL_SECRET", "registry-credentials"),
        ("PUBLIC_KEY", "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"),
        ("CACHE_KEY", "orders-2024-Q4-listing"),
        ("MAX_TOKEN", "4096"),
        ("key", "stripe-key-2024-Live"),
        ("topologyKey", "topology.kubernetes.io/zone1"),
        ("KEYCLOAK_REALM", "Orders-2024-Staging"),
        ("TOKEN_TTL_SECONDS", "123456789012"),
        ("nginx.conf", "set $token_key value1Value2Value3;"),
        ("settings.py", 'password = os.getenv("DB_PASSWORD")'),
        ("README", "Password: ask the platform team"),
        ("COMMIT", "0123456789abcdef0123456789abcdef01234567"),
        ("image", "registry.example.com/a@sha256:" + "0a" * 32),
        ("openapi.yaml", "properties:\n  password: string\n"),
    ],
)
def test_names_alone_placeholders_and_references_pass(name: str, value: str) -> None:
    assert kind_of(name, value) == ""


def test_a_container_s_variable_is_found_by_its_name() -> None:
    env = [{"name": "A", "value": "b"}, {"name": "DB_PASSWORD", "value": "hunter2hunter2"}]
    assert list(found_in({"env": env}, "pod")) == [("pod.env[1].value", "a password")]


def test_a_long_value_is_judged_at_once() -> None:
    assert kind_of("A", "://" * 7_000) == kind_of("A", "a" * 20_000) == kind_of("A", ":=" * 9_000)
