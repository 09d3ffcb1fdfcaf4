"""The operations on streams."""

from __future__ import annotations

from typing import Any

from ..ministack.emulator import Emulator
from ..ministack.iot import set_tags
from .errors import already_exists, not_found
from .objects import newest_etag
from .records import Stream
from .store import Store
from .validation import page, validate


class StreamService:
    """CreateStream, DescribeStream, ListStreams and DeleteStream."""

    def __init__(self, emulator: Emulator, store: Store) -> None:
        self._emulator, self._store = emulator, store

    def create(self, stream_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Create a stream of the user's."""
        validate("CreateStream", {**body, "streamId": stream_id})
        if stream_id in self._store.streams:
            raise already_exists(f"Stream {stream_id} already exists")
        arn = self._store.arn("stream", stream_id)
        located = {file.get("fileId", 0): file["s3Location"] for file in body["files"]}
        found = {name: newest_etag(self._emulator, at) for name, at in located.items() if not at.get("version")}
        etags = {name: etag for name, etag in found.items() if etag is not None}
        stream = Stream(stream_id, arn, body["files"], body["roleArn"], body.get("description"), etags=etags)
        self._store.streams[stream_id] = stream
        set_tags(self._emulator, arn, body.get("tags"))
        return stream.summary()

    def describe(self, stream_id: str) -> dict[str, Any]:
        """Return one stream."""
        return {"streamInfo": self._find(stream_id).info()}

    def list(self, query: dict[str, str]) -> dict[str, Any]:
        """Return a page of streams, the newest first unless the query has isAscendingOrder."""
        found = [stream.summary() for stream in self._store.streams.values()]
        if query.get("isAscendingOrder") != "true":
            found.reverse()
        streams, token = page(found, query)
        return {"streams": streams, **({"nextToken": token} if token else {})}

    def delete(self, stream_id: str) -> dict[str, Any]:
        """Delete a stream."""
        self._find(stream_id)
        self._store.forget_stream(stream_id)
        return {}

    def _find(self, stream_id: str) -> Stream:
        found: Stream | None = self._store.streams.get(stream_id)
        if found is None:
            raise not_found(f"Stream {stream_id} not found")
        return found
