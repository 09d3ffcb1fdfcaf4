"""Requests of devices for blocks of a stream, and the messages of MQTT-based file delivery as JSON or CBOR.

The members have the names of AWS's documentation: c client token, s stream version, f file id, l block size in bytes,
o offset in blocks or, in a rejection, the error code, n number of blocks, b bitmap, i block number, p payload,
d description, r files, z file size in bytes, m error message.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cbor2

# A block, and what one request gets, in bytes.
_MAX_BYTES = 131_072
_MIN_BLOCK_BYTES = 256
_MAX_BLOCKS = 98_304
_MAX_BITMAP_BYTES = 12_287
_MAX_FILE_ID = 255
_MAX_TOKEN_BYTES = 64
FORMATS = ("json", "cbor")

Message = dict[str, Any]


class RequestError(Exception):
    """A request that is rejected, with AWS's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


def encode(message: Message, format_: str) -> bytes:
    """Return a message as JSON, in which bytes are base64 text, or as CBOR."""
    if format_ == "cbor":
        encoded: bytes = cbor2.dumps(message)
        return encoded
    return json.dumps(message, default=lambda content: base64.b64encode(content).decode()).encode()


def decode(payload: bytes, format_: str) -> Message:
    """Return a request; RequestError if the payload is not one."""
    try:
        message = cbor2.loads(payload) if format_ == "cbor" else json.loads(payload)
    except (ValueError, EOFError, RecursionError, cbor2.CBORError) as error:
        raise RequestError(f"Invalid{format_.capitalize()}", f"The request is not valid {format_.upper()}") from error
    if not isinstance(message, dict):
        raise RequestError("InvalidRequest", "The request is not a map")
    return message


def client_token(message: Message) -> Message:
    """Return the member of an answer that repeats the client token, if there is one."""
    token = message.get("c")
    if token is None:
        return {}
    if not isinstance(token, str) or len(token.encode()) > _MAX_TOKEN_BYTES:
        raise RequestError("InvalidRequest", f"The client token is not a text of at most {_MAX_TOKEN_BYTES} bytes")
    return {"c": token}


@dataclass(frozen=True, kw_only=True)
class BlockRequest:
    """A GetStream request.

    version: the version that the stream must have, None for any. size: of a block, in bytes.
    count: the largest number of blocks, None without a limit. bitmap: the blocks from the offset on, None for all.
    """

    version: int | None
    file_id: int
    size: int
    offset: int
    count: int | None
    bitmap: bytes | None

    @classmethod
    def of(cls, message: Message) -> BlockRequest:
        """Read and check a request; RequestError names what is wrong."""
        count = message.get("n")
        return cls(
            version=None if message.get("s") is None else _number(message, "s", 0, 65_535, "InvalidRequest"),
            file_id=_number(message, "f", 0, _MAX_FILE_ID, "InvalidRequest"),
            size=_number(message, "l", _MIN_BLOCK_BYTES, _MAX_BYTES, "BlockSizeOutOfBounds"),
            offset=_number({"o": 0, **message}, "o", 0, _MAX_BLOCKS, "OffsetOutOfBounds"),
            count=None if count is None else _number(message, "n", 0, _MAX_BLOCKS, "BlockCountLimitExceeded"),
            bitmap=_bitmap(message.get("b")),
        )

    def blocks(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield number and content of each chosen block of a file, at most 128 kB together."""
        limit = _MAX_BYTES // self.size
        limit = limit if self.count is None else min(limit, self.count)
        for number in itertools.islice(self._chosen(-(-len(data) // self.size)), limit):
            yield number, data[number * self.size : (number + 1) * self.size]

    def _chosen(self, total: int) -> Iterator[int]:
        for number in range(self.offset, total):
            byte, bit = divmod(number - self.offset, 8)
            if self.bitmap is None or (byte < len(self.bitmap) and self.bitmap[byte] >> bit & 1):
                yield number


def _number(message: Message, name: str, low: int, high: int, code: str) -> int:
    value = message.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise RequestError("InvalidRequest", f"Member {name} must be a whole number, got {value!r}")
    if not low <= value <= high:
        raise RequestError(code, f"Member {name} must be between {low} and {high}, got {value}")
    return value


def _bitmap(value: Any) -> bytes | None:
    """Return the bytes of a bitmap: CBOR has them as they are, JSON as hexadecimal digits, with or without 0x."""
    try:
        found = bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else value
    except ValueError as error:
        raise RequestError("InvalidRequest", "Member b is not in hexadecimal digits") from error
    if found is not None and not isinstance(found, bytes):
        raise RequestError("InvalidRequest", "Member b is not a bitmap")
    if found is not None and len(found) > _MAX_BITMAP_BYTES:
        raise RequestError("BlockBitmapLimitExceeded", f"Member b has {len(found)} bytes, over {_MAX_BITMAP_BYTES}")
    return found
