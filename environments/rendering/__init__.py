"""From `environment.yaml` to typed documents; pure, apart from looking up a blueprint's version."""
