"""Where the bytes of an update's files are: in S3, in a stream of the user, or in a signing job's result."""

from __future__ import annotations

import hashlib
import re
from typing import Any
from urllib.parse import quote

from local_aws.emulator import Emulator
from local_aws.network import LOOPBACK
from local_aws.ota_document import SourceFile
from local_aws.ota_errors import WorkFailed
from local_aws.ota_records import Stream
from local_aws.ota_role import ServiceRole

_TAG = re.compile(rb"<(Code|Message)>([^<]*)<")


class Sources:
    """Finds the files of an update, on behalf of its service role."""

    def __init__(self, emulator: Emulator, role: ServiceRole, streams: Any) -> None:
        self._emulator, self._role, self._streams = emulator, role, streams

    async def find(self, request: dict[str, Any], index: int) -> SourceFile:
        """The file at `index` of an update; raises WorkFailed where it is missing or not readable."""
        location = request.get("fileLocation") or {}
        file_id = index
        if "stream" in location:
            # A stream has a role of its own, with which it reads its files.
            place, file_id = self._in_stream(location["stream"])
        else:
            place = location.get("s3Location") or self._signed(request)
            self._role.require("s3:GetObjectVersion" if place.get("version") else "s3:GetObject", _arn(place))
        size, digest = await self._read(place)
        return SourceFile(
            request=request,
            file_id=file_id,
            size=size,
            digest=digest,
            bucket=place["bucket"],
            key=place["key"],
        )

    def _in_stream(self, wanted: dict[str, Any]) -> tuple[dict[str, str], int]:
        stream: Stream | None = self._streams.get(wanted.get("streamId"))
        if stream is None:
            raise WorkFailed("ResourceNotFoundException", f"Stream {wanted.get('streamId')} not found.")
        file_id = int(wanted.get("fileId", 0))
        for file in stream.files:
            if file.get("fileId", 0) == file_id:
                return file["s3Location"], file_id
        raise WorkFailed("ResourceNotFoundException", f"Stream {stream.stream_id} has no file {file_id}.")

    def _signed(self, request: dict[str, Any]) -> dict[str, str]:
        job_id = (request.get("codeSigning") or {}).get("awsSignerJobId")
        job = self._emulator.signer._jobs.get(job_id)
        if job is None or not job.get("signedObject"):
            raise WorkFailed("AWSSignerException", f"Signing job {job_id} has no signed object.")
        found = job["signedObject"]["s3"]
        return {"bucket": found["bucketName"], "key": found["key"]}

    async def _read(self, place: dict[str, str]) -> tuple[int, bytes]:
        version = place.get("version")
        query = {"versionId": [version]} if version else {}
        path = f"/{place['bucket']}/{place['key']}"
        status, headers, _ = await self._s3("HEAD", path, query)
        if status >= 300:
            # The answer to HEAD has no body: S3's words come with the answer to GET.
            _, _, body = await self._s3("GET", path, query)
            raise _s3_failure(status, body if isinstance(body, bytes) else b"", quote(path))
        known = {name.lower(): value for name, value in headers.items()}
        return int(known["content-length"]), hashlib.sha256(str(known.get("etag")).encode()).digest()

    async def _s3(self, method: str, path: str, query: dict[str, list[str]]) -> tuple[int, dict[str, str], Any]:
        emulator = self._emulator
        # S3 moves the request's scope to that of the bucket.
        with emulator.responses.request_scope(emulator.account(), emulator.region()):
            answer: tuple[int, dict[str, str], Any] = await emulator.s3.handle_request(
                method, path, {"host": LOOPBACK}, b"", query, internal=True, enforce_bucket_region=False
            )
        return answer


def _arn(place: dict[str, str]) -> str:
    return f"arn:aws:s3:::{place['bucket']}/{place['key']}"


def _s3_failure(status: int, body: bytes, path: str) -> WorkFailed:
    """S3's own words, in the form in which AWS IoT passes them on."""
    words = {name.decode(): text.decode("utf-8", "replace") for name, text in _TAG.findall(body)}
    message = words.get("Message") or f"Access to {path} failed"
    code = words.get("Code", "Unknown")
    return WorkFailed("AmazonS3Exception", f"{message} (Service: Amazon S3; Status Code: {status}; Error Code: {code})")
