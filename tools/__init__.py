"""Scripts that generate parts of the documentation and check its wording."""
