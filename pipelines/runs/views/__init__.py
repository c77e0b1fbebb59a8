"""The pages of pipelines and their jobs."""
