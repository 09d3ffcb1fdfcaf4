"""MQTT-based file delivery: devices describe a stream and get its blocks."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

from ..ministack.emulator import Emulator
from ..ministack.iot import answer_messages, has_thing, pending_jobs
from .blocks import FORMATS, BlockRequest, Message, RequestError, client_token, decode, encode
from .errors import WorkError
from .objects import Objects, S3Object
from .records import Stream
from .role import ServiceRole
from .store import Store

_TOPIC = re.compile(rf"(\$aws/things/([^/]+)/streams/([^/]+))/(get|describe)/({'|'.join(FORMATS)})")


class FileDelivery:
    """Answers requests on `$aws/things/<thing>/streams/<stream>/` with the permissions of the stream's role."""

    def __init__(self, emulator: Emulator, store: Store) -> None:
        self._emulator, self._store = emulator, store

    def install(self) -> None:
        """Answer the messages of devices from now on."""
        answer_messages(self._emulator, _TOPIC, self._answers)

    async def _answers(self, match: re.Match[str], payload: bytes) -> AsyncIterator[tuple[str, bytes]]:
        """Yield topic and payload of each answer to one request."""
        base, thing, stream_id, verb, format_ = match.groups()
        token: Message = {}
        try:
            request = decode(payload, format_) if payload else {}
            token = client_token(request)
            stream = self._stream(stream_id, thing)
            if verb == "describe":
                yield f"{base}/description/{format_}", encode({**token, **await self._description(stream)}, format_)
                return
            async for block in self._blocks(stream, BlockRequest.of(request)):
                yield f"{base}/data/{format_}", encode({**token, **block}, format_)
        except RequestError as error:
            yield f"{base}/rejected/{format_}", encode({"o": error.code, "m": error.message, **token}, format_)

    def _stream(self, stream_id: str, thing: str) -> Stream:
        """Return a stream that is meant for a thing.

        A stream of OTA updates is meant for the things with a pending job of one of them; any other for every thing.
        """
        stream: Stream | None = self._store.streams.get(stream_id)
        if stream is None:
            raise RequestError("ResourceNotFound", f"Stream {stream_id} not found")
        jobs = {update.job_id for update in self._store.updates.values() if stream_id in update.stream_ids}
        if jobs.isdisjoint(pending_jobs(self._emulator, thing)) if jobs else not has_thing(self._emulator, thing):
            raise RequestError("Unauthorized", f"Thing {thing} has no pending job with stream {stream_id}")
        return stream

    async def _description(self, stream: Stream) -> Message:
        files = [{"f": file.get("fileId", 0), "z": (await self._found(stream, file)).size} for file in stream.files]
        described = {} if stream.description is None else {"d": stream.description}
        return {"s": stream.version, **described, "r": files}

    async def _blocks(self, stream: Stream, request: BlockRequest) -> AsyncIterator[Message]:
        if request.version not in (None, stream.version):
            raise RequestError("VersionMismatch", f"The stream has version {stream.version}, not {request.version}")
        file = next((file for file in stream.files if file.get("fileId", 0) == request.file_id), None)
        if file is None:
            raise RequestError("ResourceNotFound", f"Stream {stream.stream_id} has no file {request.file_id}")
        found = await self._found(stream, file)
        if found.etag != stream.etags.get(request.file_id, found.etag):
            raise RequestError("ETagMismatch", f"The object {found.key} has changed since the stream was created")
        blocks = list(request.blocks(Objects.content(self._emulator, found)))
        if not blocks:
            raise RequestError("ResourceNotFound", f"File {request.file_id} has none of the requested blocks")
        for number, content in blocks:
            yield {"f": request.file_id, "l": len(content), "i": number, "p": content}

    async def _found(self, stream: Stream, file: dict[str, Any]) -> S3Object:
        """Return the object of a file, which the role of the stream must be allowed to read."""
        role = ServiceRole(self._emulator, stream.role_arn, stream.arn)
        try:
            role.assume()
            return await Objects(self._emulator, role).read(file["s3Location"])
        except WorkError as error:
            message = error.message or ""
            code = "ResourceNotFound" if "Error Code: NoSuch" in message else "Unauthorized"
            raise RequestError(code, message) from error
