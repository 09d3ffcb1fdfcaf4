"""One P-256 key for a test session, with which tests sign firmware as `openssl dgst -sha256 -sign` does."""

from __future__ import annotations

import datetime
import functools

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@functools.cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@functools.cache
def sign(content: bytes) -> bytes:
    """Return the signature of an image, always the same for the same image."""
    return _key().sign(content, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


@functools.cache
def certificate() -> bytes:
    """Return the certificate, in PEM, with which devices verify the signatures."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test signer")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, _key().public_key(), 1, now, now + datetime.timedelta(days=1))
    return builder.sign(_key(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
