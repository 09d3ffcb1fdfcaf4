"""The package's own error."""

from __future__ import annotations


class LocalAwsError(RuntimeError):
    """Local AWS cannot or will not do something; the message names the remedy."""
