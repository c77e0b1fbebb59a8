"""The program that attaches to Slipway and runs its jobs on this machine: `slipway agent run`."""
