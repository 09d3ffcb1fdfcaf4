"""Find the bytes of an update's files: in S3, in a stream of the user's, or in the result of a signing job."""

from __future__ import annotations

from typing import Any

from ..ministack.emulator import Emulator
from .document import SourceFile
from .errors import WorkError
from .objects import Objects, S3Object
from .records import Stream
from .role import ServiceRole
from .signing import SignedDocument, Signing
from .store import Store

# Of one file of an OTA update, in bytes: a hard limit of AWS IoT.
_MAX_BYTES = 16 * 1024 * 1024


class Sources:
    """Finds the files of an update, on behalf of its service role."""

    def __init__(self, emulator: Emulator, role: ServiceRole, store: Store) -> None:
        self._objects, self._streams = Objects(emulator, role), store.streams
        self._signing = Signing(emulator, role, self._objects, store.signer)

    async def find(self, request: dict[str, Any], index: int) -> SourceFile:
        """Return the file at `index` of an update; raises WorkError if it is missing or not readable."""
        located, file_id = await self._located(request.get("fileLocation") or {}, index)
        signed, content = await self._signed(request.get("codeSigning") or {}, located)
        if content is None:
            raise WorkError("InvalidRequestException", "A file has neither a location nor a signing job.")
        if content.size > _MAX_BYTES:
            found = f"The file s3://{content.bucket}/{content.key} has {content.size} bytes"
            raise WorkError("InvalidRequestException", f"{found}: at most {_MAX_BYTES} are allowed.")
        return SourceFile(request=request, file_id=file_id, content=content, signed=signed)

    async def _located(self, location: dict[str, Any], index: int) -> tuple[S3Object | None, int]:
        if "stream" in location:
            # A stream has its own role, with which it reads its files.
            s3_location, file_id = self._in_stream(location["stream"])
            return await self._objects.find(s3_location), file_id
        if "s3Location" in location:
            return await self._in_bucket(location["s3Location"]), index
        return None, index

    async def _signed(
        self, signing: dict[str, Any], located: S3Object | None
    ) -> tuple[SignedDocument | None, S3Object | None]:
        if "awsSignerJobId" in signing:
            signed, image = await self._signing.finished(signing["awsSignerJobId"])
            # A stream has the same content.
            return signed, located or image
        if "startSigningJobParameter" in signing and located is not None:
            return await self._signing.start(signing["startSigningJobParameter"], located)
        return None, located

    async def _in_bucket(self, location: dict[str, str]) -> S3Object:
        self._objects.require_bucket(location["bucket"], versions=bool(location.get("version")))
        return await self._objects.read(location)

    def _in_stream(self, location: dict[str, Any]) -> tuple[dict[str, str], int]:
        stream: Stream | None = self._streams.get(location.get("streamId"))
        if stream is None:
            raise WorkError("ResourceNotFoundException", f"Stream {location.get('streamId')} not found.")
        file_id = int(location.get("fileId", 0))
        for file in stream.files:
            if file.get("fileId", 0) == file_id:
                return file["s3Location"], file_id
        raise WorkError("ResourceNotFoundException", f"Stream {stream.stream_id} has no file {file_id}.")
