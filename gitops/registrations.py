"""What this app hands to others when Django starts."""

from gitops import (
    permissions,  # noqa: F401  # registers this app's table
    pushes,
)
from gitops.sync.kind import SyncKind
from idp.changes import controller, kinds

kinds.register(SyncKind())
controller.register_periodic("git", 5, pushes.sweep)
