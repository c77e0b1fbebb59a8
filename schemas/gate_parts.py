"""What governance hands to the kernel: its gates, and the sweep of what is past."""

from __future__ import annotations

from idp.changes import controller, gates
from schemas.databases import gate as database_gate
from schemas.databases import readers
from schemas.dependants import gate, recording
from schemas.traffic import writing as traffic
from schemas.variables import gate as config

gates.register(gate.GATE)
gates.register(database_gate.GATE)
gates.register(config.GATE)
controller.register_periodic("schemas.dependants", 3600, recording.sweep)
controller.register_periodic("databases.readers", 3600, readers.sweep)
controller.register_periodic("schemas.traffic", 3600, traffic.sweep)
