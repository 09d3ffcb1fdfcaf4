"""AWS Signer that signs: each certificate or signing profile has a key, and signed objects verify with its certificate.

ministack signs with imported EC keys only, and writes a receipt without a signature in every other case.
"""

from __future__ import annotations

import base64
import datetime
import json
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..errors import LocalAwsError
from .emulator import Emulator

# Hash and encryption of the platforms whose signatures are for devices.
_PLATFORMS = {
    "AWSIoTDeviceManagement-SHA256-ECDSA": ("SHA256", "ECDSA"),
    "AmazonFreeRTOS-Default": ("SHA256", "ECDSA"),
    "AmazonFreeRTOS-TI-CC3220SF": ("SHA1", "RSA"),
}
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {"SHA256": hashes.SHA256, "SHA1": hashes.SHA1}
_RSA_BITS = 2048
_VALIDITY = datetime.timedelta(days=3650)


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A private key, and how a profile signs with it: "SHA256" or "SHA1", "ECDSA" or "RSA"."""

    key: Any
    hash_name: str
    encryption: str

    def sign(self, data: bytes) -> bytes | None:
        """Return the signature, ECDSA's as a DER sequence; None if the key is of another kind than the profile's."""
        digest = _HASHES[self.hash_name]()
        if self.encryption == "ECDSA" and isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(data, ec.ECDSA(digest))
        if self.encryption == "RSA" and isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), digest)
        return None


class Signer:
    """Wraps ministack's AWS Signer, and keeps keys and signed documents for the life of the server."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        # By account, Region, and the ARN of a certificate or the name of a profile without one.
        self._keys: dict[tuple[str, str, str], tuple[Any, str]] = {}
        self._documents: dict[str, dict[str, Any]] = {}

    def install(self) -> None:
        """Put the wrappers in place."""
        signer = self._emulator.signer
        start = signer._start_signing_job

        def started(*args: Any) -> Any:
            answer = start(*args)
            if answer[0] < 300:
                self._keep(json.loads(answer[2])["jobId"])
            return answer

        signer._signing_key, signer._iot_signed_object, signer._start_signing_job = self._key, _document, started

    def certificate(self, name: str) -> str:
        """Return the certificate of a signing profile, or the one with an ARN, as PEM.

        A key that was never used is generated first. LocalAwsError without such a profile.
        """
        if name.startswith("arn:"):
            return self._owned(name, "ECDSA")[1]
        profile = self._emulator.signer._profiles.get(name)
        if profile is None or profile["platformId"] not in _PLATFORMS:
            raise LocalAwsError(f"there is no signing profile {name!r} for devices: create it with PutSigningProfile")
        return self._owned(_owner(profile), _algorithm(profile)[1])[1]

    def document(self, job_id: str) -> dict[str, Any] | None:
        """Return what a signing job wrote, with payload and signature; None if it signed nothing for devices."""
        return self._documents.get(job_id)

    def _keep(self, job_id: str) -> None:
        signer = self._emulator.signer
        job = signer._jobs.get(job_id)
        if job["platformId"] not in _PLATFORMS or not job["signedObject"]:
            return
        signed = job["signedObject"]["s3"]
        body = self._emulator.s3._get_object_data(signed["bucketName"], signed["key"])
        self._documents.setdefault(job_id, json.loads(body))

    def _key(self, profile: dict[str, Any]) -> SigningKey | None:
        """Return the key of a profile; None for a platform that signs nothing for devices."""
        if profile["platformId"] not in _PLATFORMS:
            return None
        hash_name, encryption = _algorithm(profile)
        key, _ = self._owned(_owner(profile), encryption)
        return SigningKey(key=key, hash_name=hash_name, encryption=encryption)

    def _owned(self, owner: str, encryption: str) -> tuple[Any, str]:
        """Return the key and the certificate of an owner: those that ACM imported, or generated ones."""
        record = self._emulator.acm._get_local_certificate(owner) if owner.startswith("arn:") else None
        if record and record["Type"] == "IMPORTED":
            key = serialization.load_pem_private_key(record["_private_key"].encode(), password=None)
            return key, str(record["_pem_body"])
        place = (self._emulator.account(), self._emulator.region(), owner)
        if place not in self._keys:
            self._keys[place] = _generated(record["DomainName"] if record else owner.rpartition("/")[2], encryption)
        found = self._keys[place]
        if record:
            # What GetCertificate answers.
            record["_pem_body"] = found[1]
        return found


def _owner(profile: dict[str, Any]) -> str:
    return str((profile.get("signingMaterial") or {}).get("certificateArn") or profile["profileName"])


def _algorithm(profile: dict[str, Any]) -> tuple[str, str]:
    hash_name, encryption = _PLATFORMS[profile["platformId"]]
    chosen = (profile.get("overrides") or {}).get("signingConfiguration") or {}
    return chosen.get("hashAlgorithm") or hash_name, chosen.get("encryptionAlgorithm") or encryption


def _generated(name: str, encryption: str) -> tuple[Any, str]:
    """Return a new key, and its certificate for code signing as PEM."""
    key: Any = ec.generate_private_key(ec.SECP256R1())
    if encryption == "RSA":
        key = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    builder = x509.CertificateBuilder(
        issuer_name=subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=start,
        not_valid_after=start + _VALIDITY,
    ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    return key, certificate.public_bytes(serialization.Encoding.PEM).decode()


def _document(key: SigningKey, data: bytes, _bucket: str, _key: str, _version: str) -> bytes | None:
    """Return the object that AWS Signer writes; None lets the job fail."""
    signature = key.sign(data)
    if signature is None:
        return None
    document = {
        "rawPayloadSize": len(data),
        "signature": base64.b64encode(signature).decode(),
        "signatureAlgorithm": f"{key.hash_name}with{key.encryption}",
        "payload": base64.b64encode(data).decode(),
    }
    return json.dumps(document, separators=(",", ":")).encode()
