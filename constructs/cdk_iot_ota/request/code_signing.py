"""The ways to sign a file of an OTA update."""

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
    """``hashAlgorithm``: the names that devices support; the API accepts any string."""

    SHA1 = "SHA1"
    SHA256 = "SHA256"


class SignatureAlgorithm(enum.Enum):
    """``signatureAlgorithm``: the names that devices support; the API accepts any string."""

    ECDSA = "ECDSA"
    RSA = "RSA"


@dataclass(frozen=True, kw_only=True)
class SigningJob:
    """The job of AWS Signer that signs a file: the parts that permissions depend on.

    :param destination: the bucket of the signed object, if AWS IoT starts the job.
    :param prefix: the prefix of the signed object's key.
    :param profile_name: the name of the profile, if given.
    :param certificate_arn: the certificate of the profile, if AWS IoT creates the profile.
    :param job_id: the id of the job, if it has finished already.
    """

    destination: s3.IBucket | None = None
    prefix: str = ""
    profile_name: str | None = None
    certificate_arn: str | None = None
    job_id: str | None = None


class CodeSigning(abc.ABC):
    """The signing of a file: CreateOTAUpdate's ``files[].codeSigning``."""

    @staticmethod
    def custom(
        *,
        signature: bytes | Path,
        hash_algorithm: HashAlgorithm,
        signature_algorithm: SignatureAlgorithm,
        certificate_name: str,
        certificate_chain: str | Path | None = None,
    ) -> "CodeSigning":
        """Use a signature that exists before the deploy, from a build or an HSM (``customCodeSigning``).

        :param signature: the raw signature as ``openssl dgst -sign`` writes it: bytes, or a file that is read at synth.
            Do not encode it: this library adds the two layers of base64 that the API needs.
        :param hash_algorithm: ``hashAlgorithm``; SHA1 only with RSA.
        :param signature_algorithm: ``signatureAlgorithm``.
        :param certificate_name: ``certificateChain.certificateName``: the path of the signer's certificate on the
            device.
        :param certificate_chain: ``certificateChain.inlineDocument``: certificates as PEM text, or a PEM file.
            Default: none.
        :raises ValueError: if the signature is empty or already encoded, or a file does not exist.
        """
        raw = checks.file("signature", signature).read_bytes() if isinstance(signature, Path) else signature
        checks.enum_member("hash_algorithm", hash_algorithm, HashAlgorithm)
        checks.enum_member("signature_algorithm", signature_algorithm, SignatureAlgorithm)
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
        """Let AWS Signer sign the file when the update is created (``startSigningJobParameter``).

        The file must be in a bucket that keeps versions. Give ``profile_name``, ``profile`` or both; with both, AWS IoT
        creates the profile under that name.

        :param destination_bucket: ``destination.s3Destination.bucket``: the bucket of the signed object.
        :param profile_name: ``signingProfileName``: a signing profile, 2 to 64 of ``a-z A-Z 0-9 _``. Default: none.
        :param profile: ``signingProfileParameter``: the signing profile that AWS IoT creates. Default: none.
        :param destination_prefix: ``destination.s3Destination.prefix``: the prefix of the signed object's key. Default:
            none.
        :raises ValueError: if neither profile is given, or a value exceeds its limits.
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
            checks.object_key("destination_prefix", destination_prefix)
        return _Signer(destination_bucket, profile_name, profile, destination_prefix)

    @staticmethod
    def signer_job(job_id: str) -> "CodeSigning":
        """Use the output of a finished job of AWS Signer (``awsSignerJobId``).

        The file needs no ``location``, or that of a stream. Synth does not know the job's bucket, so allow the role to
        read it: ``bucket.grant_read(update.role)``.

        :param job_id: the id of the signing job.
        """
        return _FinishedJob(checks.text(limits.SIGNER_JOB_ID, "job_id", job_id))

    @staticmethod
    def unsigned() -> "CodeSigning":
        """Send the file unsigned. AWS IoT accepts that, but the OTA agent of a FreeRTOS device rejects the file."""
        return _Unsigned()

    @abc.abstractmethod
    def render(self) -> Mapping[str, Any] | None:
        """Render the API's ``codeSigning``, or None for an unsigned file."""

    @property
    def signing_job(self) -> SigningJob | None:
        """The job of AWS Signer that signs the file, if any."""
        return None


@dataclass(frozen=True)
class _Custom(CodeSigning):
    signature: bytes
    hash_algorithm: HashAlgorithm
    signature_algorithm: SignatureAlgorithm
    certificate_name: str
    certificate_chain: str | None

    def render(self) -> Mapping[str, Any]:
        chain = {"certificateName": self.certificate_name}
        if self.certificate_chain is not None:
            chain["inlineDocument"] = self.certificate_chain
        # Twice on purpose: devices expect base64 text as the blob, and the API's JSON encodes a blob as base64 again.
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

    def render(self) -> Mapping[str, Any]:
        bucket = checks.bucket_name("destination_bucket", self.bucket)
        destination = {"bucket": bucket, **({"prefix": self.prefix} if self.prefix else {})}
        start: dict[str, Any] = {"destination": {"s3Destination": destination}}
        if self.profile_name is not None:
            start["signingProfileName"] = self.profile_name
        if self.profile is not None:
            start["signingProfileParameter"] = self.profile.render()
        return {"startSigningJobParameter": start}

    @property
    def signing_job(self) -> SigningJob:
        return SigningJob(
            destination=self.bucket,
            prefix=self.prefix or "",
            profile_name=self.profile_name,
            certificate_arn=self.profile.certificate_arn if self.profile else None,
        )


@dataclass(frozen=True)
class _FinishedJob(CodeSigning):
    job_id: str

    def render(self) -> Mapping[str, Any]:
        return {"awsSignerJobId": self.job_id}

    @property
    def signing_job(self) -> SigningJob:
        return SigningJob(job_id=self.job_id)


@dataclass(frozen=True)
class _Unsigned(CodeSigning):
    def render(self) -> None:
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
    # AWS IoT would accept base64, hex or PEM, and every device would reject it.
    if all(byte in _TEXT for byte in signature):
        raise ValueError(
            f"signature must be the raw bytes, but {limits.shown(signature.decode())} is text: decode it first, this "
            "library adds the API's encoding"
        )
    return signature


def _pem(chain: str | Path) -> str:
    text = checks.file("certificate_chain", chain).read_text(encoding="ascii") if isinstance(chain, Path) else chain
    if not isinstance(text, str):
        raise TypeError(f"certificate_chain must be PEM text or a pathlib.Path, got {limits.shown(text)}")
    if checks.known(text) and "-----BEGIN CERTIFICATE-----" not in text:
        raise ValueError(f"certificate_chain must be PEM text with a certificate, got {limits.shown(text)}")
    return text
