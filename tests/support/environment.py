"""Loaded before Django's settings (`-p` in pyproject.toml): a state folder for this run alone.

Nothing of the person's own environment reaches the settings, and nothing is written beside the
checkout. SLIPWAY_TEST_DATABASE_URL runs the whole suite on another database.
"""

import os
import shutil
import tempfile

import pytest

KEPT = ("SLIPWAY_TEST_",)
# Short on purpose: Unix socket addresses below it have 107 bytes.
STATE = tempfile.mkdtemp(prefix="slipway-test-")
FERNET = "c2xpcHdheS10ZXN0LWtleS1mb3ItdGhlLXN1aXRlLSE="

for _name in [name for name in os.environ if name.startswith("SLIPWAY_")]:
    if not _name.startswith(KEPT):
        del os.environ[_name]
os.environ.update(
    DJANGO_SETTINGS_MODULE="idp.settings",
    SLIPWAY_STATE_DIR=STATE,
    SLIPWAY_SECRET_KEY="a-secret-key-for-tests-only-" + "0" * 40,
    SLIPWAY_ENCRYPTION_KEYS=FERNET,
    SLIPWAY_AUDIT_APPEND_ONLY="0",  # tests with threads empty the tables after themselves
)
if os.environ.get("SLIPWAY_TEST_DATABASE_URL"):
    os.environ["SLIPWAY_DATABASE_URL"] = os.environ["SLIPWAY_TEST_DATABASE_URL"]


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(STATE, ignore_errors=True)
