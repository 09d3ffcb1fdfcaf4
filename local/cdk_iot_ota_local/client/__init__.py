"""The caller's side of local AWS: start it, configure it, and make clients for it."""
