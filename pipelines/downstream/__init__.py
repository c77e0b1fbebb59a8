"""Pipelines that jobs of other pipelines start: children, and those of other projects."""
