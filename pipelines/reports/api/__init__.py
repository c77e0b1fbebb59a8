"""Reports and tests by REST."""
