"""What deployments hand to the kernel and the portal."""

from __future__ import annotations

from pipelines.deploys import gates, identity

__all__ = ["identity"]  # it registers itself as the issuer of jobs' tokens
gates.register()
