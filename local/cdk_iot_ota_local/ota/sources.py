"""Where the bytes of an update's files are: in S3, in a stream of the user, or in a signing job's result."""

from __future__ import annotations

from typing import Any

from ..ministack.emulator import Emulator
from .document import SourceFile
from .errors import WorkFailed
from .objects import Objects, S3Object
from .records import Stream
from .role import ServiceRole
from .signing import Signing


class Sources:
    """Finds the files of an update, on behalf of its service role."""

    def __init__(self, emulator: Emulator, role: ServiceRole, streams: Any) -> None:
        self._objects, self._streams = Objects(emulator, role), streams
        self._signing = Signing(emulator, role, self._objects)

    async def find(self, request: dict[str, Any], index: int) -> SourceFile:
        """The file at `index` of an update; raises WorkFailed where it is missing or not readable."""
        located, file_id = await self._located(request.get("fileLocation") or {}, index)
        job, content = await self._signed(request.get("codeSigning") or {}, located)
        if content is None:
            raise WorkFailed("InvalidRequestException", "A file has neither a location nor a signing job.")
        return SourceFile(request=request, file_id=file_id, content=content, signing_job=job)

    async def _located(self, location: dict[str, Any], index: int) -> tuple[S3Object | None, int]:
        if "stream" in location:
            # A stream has a role of its own, with which it reads its files.
            place, file_id = self._in_stream(location["stream"])
            return await self._objects.look(place), file_id
        if "s3Location" in location:
            return await self._in_bucket(location["s3Location"]), index
        return None, index

    async def _signed(
        self, signing: dict[str, Any], located: S3Object | None
    ) -> tuple[dict[str, Any], S3Object | None]:
        if "awsSignerJobId" in signing:
            job, signed = await self._signing.done(signing["awsSignerJobId"])
            # Where there is a stream, it has the same content.
            return job, located or signed
        if "startSigningJobParameter" in signing and located is not None:
            return await self._signing.start(signing["startSigningJobParameter"], located)
        return {}, located

    async def _in_bucket(self, place: dict[str, str]) -> S3Object:
        self._objects.require_bucket(place["bucket"], versions=bool(place.get("version")))
        return await self._objects.read(place)

    def _in_stream(self, wanted: dict[str, Any]) -> tuple[dict[str, str], int]:
        stream: Stream | None = self._streams.get(wanted.get("streamId"))
        if stream is None:
            raise WorkFailed("ResourceNotFoundException", f"Stream {wanted.get('streamId')} not found.")
        file_id = int(wanted.get("fileId", 0))
        for file in stream.files:
            if file.get("fileId", 0) == file_id:
                return file["s3Location"], file_id
        raise WorkFailed("ResourceNotFoundException", f"Stream {stream.stream_id} has no file {file_id}.")
