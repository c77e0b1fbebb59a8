"""What network a job has: the machine's, or on request none but its own 127.0.0.1.

The runner's setting may take it from all jobs, a job's variable from that job; none gives it back.
"""

from __future__ import annotations

from collections.abc import Mapping

VARIABLE = "SLIPWAY_NETWORK"
NONE, HOST = "none", "host"
_KNOWN = frozenset({"", HOST, NONE})


class NetworkError(ValueError):
    """It asks for a network that is not known; the text says which are."""


def wanted(variables: Mapping[str, str], of_machine: str = "") -> str:
    """`NONE`, or empty for the machine's own; raises `NetworkError`."""
    given = variables.get(VARIABLE, "")
    for text, where in ((given, VARIABLE), (of_machine, "This machine’s network of jobs")):
        if text not in _KNOWN:
            raise NetworkError(f"{where} is “{text[:40]}”; it may be {NONE} or {HOST}.")
    return NONE if NONE in {given, of_machine} else ""
