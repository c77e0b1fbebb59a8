"""Who acts: a person or service account, perhaps through a token, or Slipway itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rbac.models import ApiToken, User


@dataclass(frozen=True)
class Actor:
    """The subject of every decision; `user` is None only for Slipway's own work."""

    user: User | None
    token: ApiToken | None = None
    system: str = ""  # what of Slipway acts: "expiry", "sweeper"; only with user None
    address: str | None = None
    request_id: str = ""

    @property
    def narrowed(self) -> bool:
        """Whether a token that carries or reaches less than its owner stands between."""
        return self.token is not None and bool(self.token.permissions or self.token.scope_id)

    @property
    def label(self) -> str:
        """The name that audit records and pages show."""
        if self.user is None:
            return f"slipway ({self.system})" if self.system else "nobody"
        return (
            f"{self.user.username} by token {self.token.name}" if self.token else self.user.username
        )


NOBODY = Actor(user=None)


def system(what: str) -> Actor:
    """Slipway acting by itself, named by what it does."""
    return Actor(user=None, system=what)
