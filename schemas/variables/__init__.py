"""Configuration schemas: the environment variables that a workload's code needs, and the gate.

`environment.yaml` declares one for a workload; the renderer puts it, with what the workload would
find in its environment, into the plan's facts; the gate `config` judges them before anything runs.
"""
