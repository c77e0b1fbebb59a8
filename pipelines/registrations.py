"""What this app hands to others when Django starts."""

from pipelines import permissions

__all__ = ["permissions"]
