"""Pages: one selector or service call each."""
