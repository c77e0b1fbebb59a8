"""How long pipelines are kept, by REST."""
