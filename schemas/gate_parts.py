"""What governance hands to the kernel: the gate `schemas`, and the sweep of what is past."""

from __future__ import annotations

from idp.changes import controller, gates
from schemas.dependants import gate, recording

gates.register(gate.GATE)
controller.register_periodic("schemas.dependants", 3600, recording.sweep)
