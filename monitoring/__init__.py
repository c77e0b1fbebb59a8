"""Metrics, logs, traces, alerts and objectives of what Slipway deploys."""
