"""The error that `local_aws` raises for its own refusals."""

from __future__ import annotations


class LocalAwsError(RuntimeError):
    """Something that `local_aws` cannot or will not do; the message names the remedy."""
