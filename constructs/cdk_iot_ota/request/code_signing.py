"""The ways to sign a file of an OTA update."""

import abc
import base64
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aws_cdk import Annotations
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import limits

from .._synth import certificates, checks, once, signatures, tokens
from .._synth.verification import SignerCertificate
from .signing_profile import SigningProfile

_NOT_VERIFIED = "cdk-iot-ota:signature-not-verified"


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
        certificate: bytes | Path | None = None,
    ) -> "CodeSigning":
        """Use a signature that exists before the deploy, from a build or an HSM (``customCodeSigning``).

        Errors quote neither the signature nor the certificates, and what looks like a private key is refused.

        :param signature: the raw signature as ``openssl dgst -sign`` writes it: bytes, or a file that is read at synth.
            ECDSA: one DER SEQUENCE of two INTEGERs; RSA: 128, 256, 384 or 512 bytes. Do not encode it: this library
            adds the two layers of base64 that the API needs.
        :param hash_algorithm: ``hashAlgorithm``; SHA1 only with RSA.
        :param signature_algorithm: ``signatureAlgorithm``; RSA is PKCS#1 v1.5.
        :param certificate_name: ``certificateChain.certificateName``: the path of the signer's certificate on the
            device.
        :param certificate_chain: ``certificateChain.inlineDocument``: certificates as PEM text, or a PEM file: complete
            ``CERTIFICATE`` blocks. Default: none.
        :param certificate: the signer's certificate in PEM or DER: bytes, or a file that is read at synth. With it, the
            signature of a file from ``FileLocation.from_asset`` is verified at synth, and a certificate that is not
            valid now is a warning, ``cdk-iot-ota:certificate-validity``. It is not part of the request: devices have
            theirs at ``certificate_name``. Needs the extra ``cdk-iot-ota[verify]``. Default: none, nothing is verified.
        :raises ValueError: if the signature, a certificate or the chain has another form, or a file does not exist;
            when the update is declared, if the signature does not match the image and the certificate.
        :raises ImportError: if ``certificate`` is given and the extra is not installed.
        """
        raw = checks.content("signature", signature) if isinstance(signature, Path) else signature
        checks.enum_member("hash_algorithm", hash_algorithm, HashAlgorithm)
        checks.enum_member("signature_algorithm", signature_algorithm, SignatureAlgorithm)
        limits.algorithms("hash_algorithm", hash_algorithm.value, signature_algorithm.value)
        return _Custom(
            signatures.check(raw, signature_algorithm.value),
            hash_algorithm,
            signature_algorithm,
            checks.text(limits.CERTIFICATE_NAME, "certificate_name", certificate_name),
            None if certificate_chain is None else certificates.chain(certificate_chain),
            None if certificate is None else SignerCertificate.load(certificate, signature_algorithm.value),
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

        :param destination_bucket: ``destination.s3Destination.bucket``: the bucket of the signed object,
            in the Region of the stack.
        :param profile_name: ``signingProfileName``: a signing profile, 2 to 64 of ``a-z A-Z 0-9 _``. Default: none.
        :param profile: ``signingProfileParameter``: the signing profile that AWS IoT creates. Default: none.
        :param destination_prefix: ``destination.s3Destination.prefix``: the prefix of the signed object's key. Default:
            none.
        :raises ValueError: if neither profile is given, or a value exceeds its limits.
        """
        if not once.has(destination_bucket, "bucket_arn"):
            raise TypeError(f"destination_bucket must be an s3.IBucket, got {checks.shown(destination_bucket)}")
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

    def verify(self, scope: Construct, name: str, image: Path | None) -> None:  # noqa: B027 (most have nothing to verify)
        """Verify the signature of the file of this name, as far as synth can. Raises ValueError if it does not match.

        :param scope: the construct that gets the warnings.
        :param image: the file, or None if it is not on this machine.
        """

    @property
    def signing_job(self) -> SigningJob | None:
        """The job of AWS Signer that signs the file, if any."""
        return None


@dataclass(frozen=True)
class _Custom(CodeSigning):
    signature: bytes = field(repr=False)
    hash_algorithm: HashAlgorithm
    signature_algorithm: SignatureAlgorithm
    certificate_name: str = field(repr=False)
    certificate_chain: str | None = field(repr=False)
    certificate: SignerCertificate | None = field(repr=False)

    def verify(self, scope: Construct, name: str, image: Path | None) -> None:
        if self.certificate is None or tokens.is_dummy(self.signature):
            return
        self.certificate.warn_unless_valid(scope)
        if image is not None:
            self.certificate.verify(name, image, self.signature, self.hash_algorithm.value)
            return
        Annotations.of(scope).add_info_v2(
            _NOT_VERIFIED,
            f"the signature of file {name!r} is not verified at synth, because its image is not on this machine: only "
            "FileLocation.from_asset has one",
        )

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
