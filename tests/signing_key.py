"""One P-256 key for a test session, with which tests sign firmware as `openssl dgst -sha256 -sign` does."""

from __future__ import annotations

import functools

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from . import keys


@functools.cache
def sign(content: bytes) -> bytes:
    """Return the signature of an image, always the same for the same image."""
    return keys.ec_key().sign(content, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


@functools.cache
def certificate() -> bytes:
    """Return the certificate, in PEM, with which devices verify the signatures."""
    return keys.pem_of(keys.ec_key())
