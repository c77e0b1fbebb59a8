"""Agents that attach to Slipway and run its jobs: who they are, what they ask and get."""
