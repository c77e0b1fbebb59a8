"""The composition root: settings, URLs, processes."""
