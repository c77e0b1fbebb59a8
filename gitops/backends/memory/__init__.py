"""The simulated cluster: see `target` for the port, `play` for what it makes of documents."""

from gitops.backends.memory.faults import Fault, inject, recover
from gitops.backends.memory.target import MemoryTarget

__all__ = ["Fault", "MemoryTarget", "inject", "recover"]
