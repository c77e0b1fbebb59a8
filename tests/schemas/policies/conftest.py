from __future__ import annotations

from tests.schemas.dependants.conftest import tier as tier  # noqa: PLC0414  # a fixture of both
