"""Writes about pipelines: start, plan, advance, run, cancel, run again."""
