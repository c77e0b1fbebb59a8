"""Pages of access and audit, and the mixin that every page of Slipway uses."""

from rbac.views.mixins import AccessMixin

__all__ = ["AccessMixin"]
