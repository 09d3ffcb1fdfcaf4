"""Verify an image with the certificate of a device. Nothing here makes a call.

Imported only where it is used, because it needs a package of the extra `local`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from ..errors import LocalAwsError
from .document import JobFile
from .image import Image
from .problem import Cause, Problem

_HASHES: dict[str, hashes.HashAlgorithm] = {"sha256": hashes.SHA256(), "sha1": hashes.SHA1()}
_PEM = "-----BEGIN"

# In PEM: the content, or a path to it.
Certificate = str | Path | bytes


class Certificates:
    """The certificates of a device: one for every file, or one for each certificate name of a job document."""

    def __init__(self, given: Certificate | Mapping[str, Certificate] | None) -> None:
        self._named: dict[str, bytes] = {}
        self._only: bytes | None = None
        if isinstance(given, Mapping):
            self._named = {name: _public_key(one, f"certificate[{name!r}]") for name, one in given.items()}
        elif given is not None:
            self._only = _public_key(given, "certificate")

    def problem(self, image: Image, file: JobFile) -> Problem | None:
        """Return why a device does not accept an image: its size, or its signature; None if it is genuine."""
        size = len(image.content)
        if size != file.size:
            return Problem(Cause.DOWNLOAD, f"the job document announces {file.size:,} bytes, got {size:,}")
        if not file.signature:
            return Problem(Cause.SIGNATURE, file.unsigned)
        key = self._only or self._named.get(file.certificate)
        if key is None:
            missing = f"the device has no certificate {file.certificate!r}"
            return Problem(Cause.CERTIFICATE, f"{missing}: pass it to Fleet as the argument certificate")
        digest, _, kind = file.algorithm.partition("-")
        if _is_genuine(image.digest(digest), digest, kind, file.signature, key):
            return None
        return Problem(Cause.SIGNATURE, f"the signature check failed: {_reason(file.signature, kind)}")


def _public_key(given: Certificate, argument: str) -> bytes:
    # Content is not shown: it may be a private key by mistake.
    shown = "other content"
    try:
        if isinstance(given, bytes):
            content = given
        elif isinstance(given, str) and given.startswith(_PEM):
            content = given.encode()
        else:
            shown = repr(str(given))
            content = Path(given).read_bytes()
        key = x509.load_pem_x509_certificate(content).public_key()
    except (OSError, ValueError) as error:
        raise LocalAwsError(
            f"{argument} must be a certificate in PEM or a path to one, got {shown}: {error}"
        ) from error
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


# Devices of a fleet check the same signature.
@functools.lru_cache(maxsize=1024)
def _is_genuine(digest: bytes, algorithm: str, kind: str, signature: bytes, public_key: bytes) -> bool:
    key, prehashed = load_der_public_key(public_key), utils.Prehashed(_HASHES[algorithm])
    try:
        if kind == "ecdsa" and isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, digest, ec.ECDSA(prehashed))
        elif kind == "rsa" and isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, digest, padding.PKCS1v15(), prehashed)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _reason(signature: bytes, kind: str) -> str:
    try:
        if kind == "ecdsa":
            utils.decode_dss_signature(signature)
    except ValueError:
        return f"its {len(signature)} bytes are not one DER sequence of two integers"
    return "another key or other bytes were signed"
