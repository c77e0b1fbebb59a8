"""Where the content of artifacts is kept."""
