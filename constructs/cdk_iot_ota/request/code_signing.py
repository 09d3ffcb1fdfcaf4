"""Who signs a file of an OTA update, and how a device checks it."""

import abc
import base64
import enum
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import aws_s3 as s3

from cdk_iot_ota_handler.ota_update.contract import limits

from .._synth import checks
from .signing_profile import SigningProfile

_LONGEST_SIGNATURE = 1024
_TEXT = frozenset(string.printable.encode())


class HashAlgorithm(enum.Enum):
    """The hash that was signed, by the names that devices know; the API would take any text."""

    SHA1 = "SHA1"
    SHA256 = "SHA256"


class SignatureAlgorithm(enum.Enum):
    """The algorithm of the signature, by the names that devices know."""

    ECDSA = "ECDSA"
    RSA = "RSA"


@dataclass(frozen=True, kw_only=True)
class SignerJob:
    """What AWS Signer does for a file, as far as permissions need it.

    :param destination: where the signed object goes, if AWS IoT starts the signing.
    :param prefix: what the signed object's key begins with.
    :param profile_name: the profile, if it is named; AWS IoT may make one where it is not.
    :param certificate_arn: the certificate of the profile that AWS IoT makes, if it makes one.
    :param job_id: the signing job, if it is over already.
    """

    destination: s3.IBucket | None = None
    prefix: str = ""
    profile_name: str | None = None
    certificate_arn: str | None = None
    job_id: str | None = None

    @property
    def makes_profile(self) -> bool:
        """Whether AWS IoT makes the profile."""
        return self.certificate_arn is not None


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
        :param hash_algorithm: ``hashAlgorithm``; SHA1 goes with RSA only.
        :param signature_algorithm: ``signatureAlgorithm``.
        :param certificate_name: ``certificateChain.certificateName``: where the device has the signer's certificate.
        :param certificate_chain: ``certificateChain.inlineDocument``: certificates as PEM text, or a file of it.
            Default: none, the device has what it needs.
        :raises ValueError: if the signature is empty or already encoded, or a file does not exist.
        """
        raw = checks.file("signature", signature).read_bytes() if isinstance(signature, Path) else signature
        checks.member("hash_algorithm", hash_algorithm, HashAlgorithm)
        checks.member("signature_algorithm", signature_algorithm, SignatureAlgorithm)
        limits.algorithms("hash_algorithm", hash_algorithm.value, signature_algorithm.value)
        return _Custom(
            _raw_signature(raw),
            hash_algorithm,
            signature_algorithm,
            checks.text(limits.CERTIFICATE_NAME, "certificate_name", certificate_name),
            None if certificate_chain is None else _pem(certificate_chain),
        )

    @staticmethod
    def signer(
        *,
        destination_bucket: s3.IBucket | s3.Bucket,
        profile_name: str | None = None,
        profile: SigningProfile | None = None,
        destination_prefix: str | None = None,
    ) -> "CodeSigning":
        """AWS Signer signs the file when the update is created (``startSigningJobParameter``).

        The file must be in a bucket that keeps versions. One of ``profile_name`` and ``profile`` must be given; with
        both, AWS IoT makes the profile under that name.

        :param destination_bucket: ``destination.s3Destination.bucket``: where the signed object goes.
        :param profile_name: ``signingProfileName``: a signing profile, 2 to 64 of ``a-z A-Z 0-9 _``. Default: none.
        :param profile: ``signingProfileParameter``: what AWS IoT makes a signing profile of. Default: none.
        :param destination_prefix: ``destination.s3Destination.prefix``: what the signed object's key begins with.
            Default: none.
        :raises ValueError: if neither profile is given, or a value is beyond its limits.
        """
        if not hasattr(destination_bucket, "bucket_arn"):
            raise TypeError(f"destination_bucket must be an s3.IBucket, got {limits.shown(destination_bucket)}")
        if profile_name is None and profile is None:
            raise ValueError("profile_name or profile must be given, got neither: AWS Signer signs with a profile")
        if profile_name is not None:
            checks.text(limits.SIGNING_PROFILE_NAME, "profile_name", profile_name)
        if profile is not None:
            checks.instance_of("profile", profile, SigningProfile)
        if destination_prefix is not None:
            checks.text(limits.PREFIX, "destination_prefix", destination_prefix)
        return _Signer(destination_bucket, profile_name, profile, destination_prefix)

    @staticmethod
    def signer_job(job_id: str) -> "CodeSigning":
        """AWS Signer has signed the file already (``awsSignerJobId``).

        The file is what that job has made, so it needs no ``location``, or the one of a stream. Where the job has put
        it is not known here: let the role read it, ``bucket.grant_read(update.role)``.

        :param job_id: the id of the signing job.
        """
        return _SignerJob(checks.text(limits.SIGNER_JOB_ID, "job_id", job_id))

    @staticmethod
    def unsigned() -> "CodeSigning":
        """No signature. AWS IoT accepts that, but the OTA agent of a FreeRTOS device rejects the file."""
        return _Unsigned()

    @abc.abstractmethod
    def bind(self) -> Mapping[str, Any] | None:
        """The API's ``codeSigning``, or None where there is none."""

    @property
    def signer_work(self) -> SignerJob | None:
        """What AWS Signer does for the file, if anything."""
        return None


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
class _Signer(CodeSigning):
    bucket: s3.IBucket | s3.Bucket
    profile_name: str | None
    profile: SigningProfile | None
    prefix: str | None

    def bind(self) -> Mapping[str, Any]:
        bucket = checks.text(limits.BUCKET, "destination_bucket", self.bucket.bucket_name)
        destination = {"bucket": bucket, **({"prefix": self.prefix} if self.prefix else {})}
        start: dict[str, Any] = {"destination": {"s3Destination": destination}}
        if self.profile_name is not None:
            start["signingProfileName"] = self.profile_name
        if self.profile is not None:
            start["signingProfileParameter"] = self.profile.bind()
        return {"startSigningJobParameter": start}

    @property
    def signer_work(self) -> SignerJob:
        return SignerJob(
            destination=self.bucket,
            prefix=self.prefix or "",
            profile_name=self.profile_name,
            certificate_arn=self.profile.certificate_arn if self.profile else None,
        )


@dataclass(frozen=True)
class _SignerJob(CodeSigning):
    job_id: str

    def bind(self) -> Mapping[str, Any]:
        return {"awsSignerJobId": self.job_id}

    @property
    def signer_work(self) -> SignerJob:
        return SignerJob(job_id=self.job_id)


@dataclass(frozen=True)
class _Unsigned(CodeSigning):
    def bind(self) -> None:
        return None


def _raw_signature(signature: bytes) -> bytes:
    if not isinstance(signature, bytes):
        raise TypeError(
            f"signature must be bytes or a pathlib.Path, got {limits.shown(signature)}: wrap a path in Path(…)"
        )
    if not signature:
        raise ValueError("signature must not be empty: sign the file, or use CodeSigning.unsigned()")
    if len(signature) > _LONGEST_SIGNATURE:
        raise ValueError(
            f"signature must have at most {_LONGEST_SIGNATURE} bytes, got {len(signature)}: is it the firmware itself?"
        )
    # Base64, hex or PEM: AWS IoT would take it, and every device reject it.
    if all(byte in _TEXT for byte in signature):
        raise ValueError(
            f"signature must be the raw bytes, but {limits.shown(signature.decode())} is text: decode it first, the "
            "API's encoding is added here"
        )
    return signature


def _pem(chain: str | Path) -> str:
    text = checks.file("certificate_chain", chain).read_text(encoding="ascii") if isinstance(chain, Path) else chain
    if not isinstance(text, str):
        raise TypeError(f"certificate_chain must be PEM text or a pathlib.Path, got {limits.shown(text)}")
    if checks.known(text) and "-----BEGIN CERTIFICATE-----" not in text:
        raise ValueError(f"certificate_chain must be PEM text with a certificate, got {limits.shown(text)}")
    return text
