"""Sign files of an update with AWS Signer, on behalf of its service role."""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import dataclass
from typing import Any

from ..ministack.emulator import Emulator
from ..ministack.signer import Signer
from .errors import WorkError, passed_on
from .objects import Objects, S3Object
from .role import ServiceRole

_SOURCE = "AWSSignerException"


@dataclass(frozen=True, kw_only=True)
class SignedDocument:
    """The document that AWS Signer wrote about a file: the image's size in bytes, and the signature as base64 text.

    member: the name of the signature in the job document. certificate_name: the path that the profile names, if any.
    """

    size: int
    signature: str
    member: str
    certificate_name: str | None


class Signing:
    """Starts signing jobs, and puts the image in place of what AWS Signer wrote."""

    def __init__(self, emulator: Emulator, role: ServiceRole, objects: Objects, signer: Signer) -> None:
        self._emulator, self._role, self._objects, self._signer = emulator, role, objects, signer

    async def start(self, parameter: dict[str, Any], source: S3Object) -> tuple[SignedDocument, S3Object]:
        """Sign an object as `startSigningJobParameter` specifies; returns what was signed and the image."""
        profile = parameter.get("signingProfileName") or f"ota_{uuid.uuid4().hex}"
        destination = (parameter.get("destination") or {}).get("s3Destination") or {}
        bucket, prefix = destination.get("bucket", ""), destination.get("prefix", "")
        await self._ensure_profile(profile, parameter.get("signingProfileParameter"))
        self._require("StartSigningJob", f"signing-profiles/{profile}")
        self._objects.require_bucket(bucket, versions=True)
        self._objects.require_write(bucket, prefix)
        request = {
            "profileName": profile,
            "source": {"s3": {"bucketName": source.bucket, "key": source.key, "version": source.version}},
            "destination": {"s3": {"bucketName": bucket, "prefix": prefix}},
        }
        started = await self._call("POST", "signing-jobs", request)
        return await self.finished(started["jobId"])

    async def finished(self, job_id: str) -> tuple[SignedDocument, S3Object]:
        """Return what a job that has ended signed, and the image that AWS IoT writes over it."""
        self._require("DescribeSigningJob", f"signing-jobs/{job_id}")
        job = await self._call("GET", f"signing-jobs/{job_id}")
        signed = (job.get("signedObject") or {}).get("s3")
        if not signed:
            raise WorkError(_SOURCE, f"Signing job {job_id} has no signed object: {job.get('statusReason')}")
        document = self._signer.document(job_id)
        if document is None:
            raise WorkError(_SOURCE, f"Signing job {job_id} has no signature for devices: {job.get('platformId')}")
        image = await self._image(signed["bucketName"], signed["key"], document)
        return SignedDocument(
            size=document["rawPayloadSize"],
            signature=document["signature"],
            member="sig-{}-{}".format(*document["signatureAlgorithm"].lower().split("with")),
            certificate_name=(job.get("signingParameters") or {}).get("certname"),
        ), image

    async def _image(self, bucket: str, key: str, document: dict[str, Any]) -> S3Object:
        """Return the image, a second version of the object that AWS Signer wrote."""
        found = await self._objects.read_newest(bucket, key)
        # What AWS Signer wrote contains the image as base64 text, so that it is always the larger one.
        if found.size == document["rawPayloadSize"]:
            return found
        await self._objects.write(bucket, key, base64.b64decode(document["payload"]))
        return await self._objects.read_newest(bucket, key)

    async def _ensure_profile(self, name: str, parameter: dict[str, Any] | None) -> None:
        """Require the profile, or create it as `signingProfileParameter` specifies."""
        self._require("GetSigningProfile", f"signing-profiles/{name}")
        if parameter is None:
            await self._call("GET", f"signing-profiles/{name}")
            return
        self._require("PutSigningProfile", f"signing-profiles/{name}")
        status, _ = await self._answer("GET", f"signing-profiles/{name}")
        if status == 404:
            request = {
                "platformId": parameter.get("platform"),
                "signingMaterial": {"certificateArn": parameter.get("certificateArn")},
                "signingParameters": {"certname": parameter.get("certificatePathOnDevice")},
            }
            await self._call("PUT", f"signing-profiles/{name}", request)

    def _require(self, action: str, resource: str) -> None:
        emulator = self._emulator
        self._role.require(f"signer:{action}", f"arn:aws:signer:{emulator.region()}:{emulator.account()}:/{resource}")

    async def _call(self, method: str, resource: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        status, answer = await self._answer(method, resource, body)
        if status >= 300:
            raise passed_on(_SOURCE, "AWSsigner", status, answer["__type"], answer["message"])
        return answer

    async def _answer(
        self, method: str, resource: str, body: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        content = json.dumps(body or {}).encode()
        status, _, answer = await self._emulator.signer.handle_request(method, f"/{resource}", {}, content, {})
        return status, json.loads(answer)
