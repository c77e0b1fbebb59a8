"""Agents by REST, for people; what agents themselves call is `pipelines.fleet.protocol`."""
