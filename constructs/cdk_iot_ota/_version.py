"""The version of this distribution, and nothing else: the build reads it."""

__version__ = "0.1.0"
