"""What this app hands to others: gates, facts, permissions, and its places on the pages."""

from idp.changes import builtin_gates, facts, permissions

__all__ = ["permissions"]

facts.register()
builtin_gates.register()
