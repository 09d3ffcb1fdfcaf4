"""The verification of a signature against an image and the signer's certificate, as devices do it.

It needs the package ``cryptography``, which is imported only when a certificate is given.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import Annotations
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import limits, private_keys

from . import certificates, checks, tokens

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    _PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

VALIDITY_WARNING = "cdk-iot-ota:certificate-validity"
_INSTALL = "pip install 'cdk-iot-ota[verify]'"
_CHANGED = "the image was changed after it was signed: sign the image that you ship"
_OTHER_KEY = "it was made with another key than that of the certificate: give the certificate of the key that signs"


@dataclass(frozen=True)
class SignerCertificate:
    """The certificate of a signer, whose key fits the declared signature algorithm."""

    _certificate: x509.Certificate
    _key: _PublicKey

    @classmethod
    def load(cls, source: bytes | Path, algorithm: str) -> SignerCertificate | None:
        """Read a certificate from PEM or DER: bytes or a file; None for a dummy in the place of either.

        Raises ValueError or TypeError with the remedy.

        Raises ImportError with the command to run if the package ``cryptography`` is not installed.

        :param algorithm: ``ECDSA`` or ``RSA``.
        """
        name = "certificate"
        if isinstance(source, Path):
            data = checks.content(name, source)
            name, source = f"{name} {str(source.resolve())!r}", data
        if tokens.is_dummy(source):
            return None
        private_keys.refuse(name, source)
        if not isinstance(source, bytes):
            described = limits.described(source)
            raise TypeError(f"{name} must be bytes or a pathlib.Path, got {described}: wrap a path in Path(…)")
        with _needs_cryptography():
            certificate = _parsed(name, source)
            return cls(certificate, _key(name, certificate, algorithm))

    def warn_unless_valid(self, scope: Construct) -> None:
        """Add a warning to a construct if the certificate is not valid yet, or no longer."""
        now = datetime.datetime.now(datetime.timezone.utc)
        begin, end = self._certificate.not_valid_before_utc, self._certificate.not_valid_after_utc
        if begin <= now <= end:
            return
        problem = f"is valid from {begin:%Y-%m-%d}" if now < begin else f"was valid until {end:%Y-%m-%d}"
        Annotations.of(scope).add_warning_v2(
            VALIDITY_WARNING,
            f"the certificate of the signer {problem} (UTC): devices that check the time reject the firmware; renew it "
            "on the devices and sign again",
        )

    def verify(self, name: str, image: Path, signature: bytes, hash_algorithm: str) -> None:
        """Raise ValueError with the reason unless the signature is one of the image.

        :param name: the file's name on the device.
        :param hash_algorithm: ``SHA1`` or ``SHA256``.
        """
        content = image.read_bytes()
        if hash_algorithm in (fitting := list(self._hashes_that_fit(content, signature))):
            return
        problem = self._other_hash(fitting) or self._mismatch(content, signature)
        raise ValueError(f"signature of file {name!r} must match image {str(image)!r} and certificate, but {problem}")

    def _hashes_that_fit(self, content: bytes, signature: bytes) -> Iterator[str]:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes

        for hash_ in (hashes.SHA256(), hashes.SHA1(), hashes.SHA384(), hashes.SHA512()):  # noqa: S303
            try:
                self._verify(content, signature, hash_)
            except InvalidSignature:
                continue
            yield hash_.name.upper()

    def _verify(self, content: bytes, signature: bytes, hash_: hashes.HashAlgorithm) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec, padding

        if isinstance(self._key, ec.EllipticCurvePublicKey):
            self._key.verify(signature, content, ec.ECDSA(hash_))
        else:
            self._key.verify(signature, content, padding.PKCS1v15(), hash_)

    def _other_hash(self, fitting: list[str]) -> str | None:
        if not fitting:
            return None
        remedy = f"declare HashAlgorithm.{fitting[0]}, or " if fitting[0] in ("SHA1", "SHA256") else ""
        return f"it was made with the hash {fitting[0]}: {remedy}sign with the one that you declare"

    def _mismatch(self, content: bytes, signature: bytes) -> str:
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        if not isinstance(self._key, ec.EllipticCurvePublicKey):
            return self._mismatch_of_rsa(self._key, content, signature)
        # Both numbers of a signature are about as long as the key.
        bits, key_bits = max(decode_dss_signature(signature)).bit_length(), self._key.key_size
        if bits > key_bits or bits < key_bits - 64:
            return f"{_OTHER_KEY} (its numbers have {bits} bits, the key {key_bits})"
        return f"either {_CHANGED}; or {_OTHER_KEY} (ECDSA does not tell which)"

    def _mismatch_of_rsa(self, key: rsa.RSAPublicKey, content: bytes, signature: bytes) -> str:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        if len(signature) * 8 != key.key_size:
            return f"{_OTHER_KEY} (the signature has {len(signature) * 8} bits, the key {key.key_size})"
        try:
            key.recover_data_from_signature(signature, padding.PKCS1v15(), None)
        except InvalidSignature:
            pass
        else:
            return _CHANGED
        hash_ = hashes.SHA256()
        try:
            key.verify(signature, content, padding.PSS(padding.MGF1(hash_), padding.PSS.AUTO), hash_)
        except InvalidSignature:
            return _OTHER_KEY
        return "its padding is PSS, and devices verify PKCS#1 v1.5: sign with that padding"


@contextmanager
def _needs_cryptography() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f"certificate needs the package cryptography, which verifies signatures: run {_INSTALL}, or leave "
            f"certificate out ({error})"
        ) from error


def _parsed(name: str, data: bytes) -> x509.Certificate:
    from cryptography import x509

    begin = b"-----BEGIN CERTIFICATE-----"
    is_pem = begin in data.replace(b"\0", b"")
    if is_pem:
        certificates.ascii_of(name, data)
        if (count := data.count(begin)) != 1:
            raise ValueError(f"{name} must be the certificate of the signer, got {count}: give that one alone")
    try:
        return x509.load_pem_x509_certificate(data) if is_pem else x509.load_der_x509_certificate(data)
    except ValueError:
        raise ValueError(
            f"{name} must be a certificate in PEM or DER, but {limits.described(data)} is not or is cut short: give "
            "the certificate of the key that signs, as `openssl req -x509` writes it"
        ) from None


def _key(name: str, certificate: x509.Certificate, algorithm: str) -> _PublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    try:
        key: object = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        key = None
    kind = "ECDSA" if isinstance(key, ec.EllipticCurvePublicKey) else "RSA" if isinstance(key, rsa.RSAPublicKey) else ""
    if isinstance(key, (ec.EllipticCurvePublicKey, rsa.RSAPublicKey)) and kind == algorithm:
        return key
    raise ValueError(
        f"{name} must have a key for {algorithm}, got {kind or 'another one'}: give the certificate of "
        "the key that signs, or declare its signature_algorithm"
    )
