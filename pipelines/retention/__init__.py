"""How long a project's pipelines are kept, and what takes the old ones away."""
