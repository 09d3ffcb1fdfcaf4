"""Measurements of the library beside its alternatives, side by side in one run. `make bench` runs them."""
