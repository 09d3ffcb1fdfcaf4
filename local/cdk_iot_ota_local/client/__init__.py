"""The caller's side of local AWS: start it, configure it, and create clients for it."""
