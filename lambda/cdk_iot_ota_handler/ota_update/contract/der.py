"""The elements of DER, the binary form of keys, certificates and ECDSA signatures."""

from typing import NamedTuple

INTEGER, OCTET_STRING, OBJECT_ID, SEQUENCE = 0x02, 0x04, 0x06, 0x30
_INDEFINITE = 0x80


class Element(NamedTuple):
    """An element: its tag, and the begin and the end of its content. In truncated data the end is beyond the data."""

    tag: int
    begin: int
    end: int


def element(data: bytes, at: int = 0) -> Element | None:
    """Return the element that begins at an offset, or None if there is none."""
    if at + 2 > len(data):
        return None
    tag, length = data[at], data[at + 1]
    if length < _INDEFINITE:
        return Element(tag, at + 2, at + 2 + length)
    if length == _INDEFINITE:  # BER, which some tools write key stores in
        return Element(tag, at + 2, len(data))
    begin = at + 2 + (length & 0x7F)
    if begin > len(data) or begin > at + 6:
        return None
    return Element(tag, begin, begin + int.from_bytes(data[at + 2 : begin], "big"))
