"""Everything that patches ministack or uses a private name of it."""
