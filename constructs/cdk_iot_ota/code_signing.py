"""Who has signed a file of an OTA update, and how a device checks it."""

import abc
import base64
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import checks


class HashAlgorithm(enum.Enum):
    """The hash that was signed, by the names that devices know; the API would take any text."""

    SHA1 = "SHA1"
    SHA256 = "SHA256"


class SignatureAlgorithm(enum.Enum):
    """The algorithm of the signature, by the names that devices know."""

    ECDSA = "ECDSA"
    RSA = "RSA"


class CodeSigning(abc.ABC):
    """How a file is signed: CreateOTAUpdate's ``files[].codeSigning``."""

    @staticmethod
    def custom(
        *,
        signature: bytes | Path,
        hash_algorithm: HashAlgorithm,
        signature_algorithm: SignatureAlgorithm,
        certificate_name: str,
        certificate_chain: str | Path | None = None,
    ) -> "CodeSigning":
        """A signature that was made before the deploy, by a build or an HSM (``customCodeSigning``).

        :param signature: the raw signature as ``openssl dgst -sign`` writes it, as bytes or as a file that is read
            now. Do not encode it: the API wants the base64 text of it as a blob, and this library does that.
        :param hash_algorithm: ``hashAlgorithm``.
        :param signature_algorithm: ``signatureAlgorithm``.
        :param certificate_name: ``certificateChain.certificateName``: where the device has the signer's certificate.
        :param certificate_chain: ``certificateChain.inlineDocument``: certificates as PEM text, or a file of it.
        :raises ValueError: if the signature is empty or already encoded, or a file does not exist.
        """
        raw = checks.file("signature", signature).read_bytes() if isinstance(signature, Path) else signature
        chain = certificate_chain
        if isinstance(chain, Path):
            chain = checks.file("certificate_chain", chain).read_text()
        return _Custom(
            _raw_signature(raw),
            HashAlgorithm(hash_algorithm),
            SignatureAlgorithm(signature_algorithm),
            checks.text("certificate_name", certificate_name),
            chain,
        )

    @staticmethod
    def unsigned() -> "CodeSigning":
        """No signature. AWS IoT accepts that, but the OTA agent of a FreeRTOS device rejects the file."""
        return _Unsigned()

    @abc.abstractmethod
    def bind(self) -> Mapping[str, Any] | None:
        """The API's ``codeSigning``, or None where there is none."""


@dataclass(frozen=True)
class _Custom(CodeSigning):
    signature: bytes
    hash_algorithm: HashAlgorithm
    signature_algorithm: SignatureAlgorithm
    certificate_name: str
    certificate_chain: str | None

    def bind(self) -> Mapping[str, Any]:
        chain = {"certificateName": self.certificate_name}
        if self.certificate_chain is not None:
            chain["inlineDocument"] = self.certificate_chain
        # Twice on purpose: devices are sent the blob's content as text, and a blob is base64 in the API's JSON.
        document = base64.b64encode(base64.b64encode(self.signature)).decode()
        return {
            "customCodeSigning": {
                "signature": {"inlineDocument": document},
                "certificateChain": chain,
                "hashAlgorithm": self.hash_algorithm.value,
                "signatureAlgorithm": self.signature_algorithm.value,
            }
        }


@dataclass(frozen=True)
class _Unsigned(CodeSigning):
    def bind(self) -> None:
        return None


def _raw_signature(signature: bytes) -> bytes:
    if not isinstance(signature, bytes):
        raise TypeError(f"signature must be bytes or a pathlib.Path, got {signature!r}")
    if not signature:
        raise ValueError("signature must not be empty: sign the file, or use CodeSigning.unsigned()")
    try:
        text = signature.decode("ascii").strip()
        base64.b64decode(text, validate=True)
    except ValueError:
        return signature
    raise ValueError(
        f"signature must be the raw bytes, but {text[:24]!r} is base64 text: decode it first, the API's encoding is "
        "added here"
    )
