"""Private keys that are handed in by mistake, recognized by their form. Nothing here quotes a part of one."""

import base64
import binascii
import functools
import os
import re
from collections.abc import Iterator, Mapping, Sequence, Set

from . import der

_REMEDY = "the private key stays where you sign; remove it here, and replace it if others may have read it"
# No key, and no bundle of keys and certificates, is larger.
LONGEST = 256 * 1024
# The encodings around a key: the API's base64 of base64 text, and two of the caller's.
_DEPTH = 4
# The shortest words that can be decoded are `END PRIVATE KEY`, 20 characters of base64; any key is longer.
_SHORTEST_ENCODING = 20

# PEM of any kind, its end alone, and the texts of PuTTY, of OpenSSH's format and of `openssl pkey -text`.
_LABEL = rb"(?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY"
_TEXT = re.compile(rb"(?i)(?:BEGIN|END) " + _LABEL + rb"|PuTTY-User-Key-File|openssh-key-v1|Private-Key: \(")
# At the beginning of a line, since scripts may mention the words elsewhere; a byte-order mark may precede them.
_LINE_OF_A_FILE = re.compile(
    rb"(?im)^[\xef\xbb\xbf\xff\xfe]{0,3}[ \t]*(?:-+ ?(?:BEGIN|END) " + _LABEL + rb"|PuTTY-User|Private-Key: \()"
)
_BASE64 = (re.compile(rb"[A-Za-z0-9+/]{16,}"), re.compile(rb"[A-Za-z0-9_-]{16,}"))
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}[:\s]*){16,}")
# The ciphers of PKCS#5 and PKCS#12.
_ENCRYPTION = (bytes.fromhex("2a864886f70d0105"), bytes.fromhex("2a864886f70d010c01"))
# An ECDSA signature begins with an integer too. Its integers are never longer, and the modulus of an RSA key always is.
_LONGEST_OF_A_SIGNATURE = 67


def refuse(name: str, value: object) -> None:
    """Raise ValueError with the name and the remedy if a value looks like a private key or contains one."""
    if is_in(value):
        raise ValueError(f"{name} must not contain a private key, but has what looks like one (not shown): {_REMEDY}")


def is_in(value: object) -> bool:
    """Return whether a value is, or contains, what looks like a private key: text, bytes, a path or a collection."""
    match value:
        case str() | os.PathLike():
            try:
                _check_text(str(value))
            except _FoundError:
                return True
        case bytes() | bytearray() | memoryview():
            return _is_in_bytes(bytes(value))
        case Mapping():
            return any(is_in(key) or is_in(item) for key, item in value.items())
        case Sequence() | Set():
            return any(is_in(item) for item in value)
    return False


class _FoundError(Exception):
    """A text contains a private key."""


# Updates share most of their texts. A private key is raised and not returned, because what is returned is kept.
@functools.lru_cache(maxsize=256)
def _check_text(text: str) -> None:
    if any(_is_in_bytes(form) for form in _bytes_of(text)):
        raise _FoundError


def is_in_file(data: bytes) -> bool:
    """Return whether a file is a private key, a bundle of keys and certificates, or text with a key in it.

    Binary firmware may contain the words of PEM, as every TLS library does: it passes.
    """
    return len(data) <= LONGEST and _is_file(data, _DEPTH)


def _is_file(data: bytes, depth: int) -> bool:
    if _is_der(data) or data.startswith(b"openssh-key-v1"):
        return True
    text = data.replace(b"\0", b"")  # UTF-16 and UTF-32
    if not _is_text(text):
        return False
    if _LINE_OF_A_FILE.search(text) or any(_is_der(decoded) for decoded in _decoded(text)):
        return True
    return depth > 0 and any(_is_file(decoded, depth - 1) for decoded in _decoded_as_whole(text))


def _bytes_of(text: str) -> Iterator[bytes]:
    """Yield the bytes that text may have been read from."""
    yield text.encode("utf-8", "surrogatepass")
    if text.isascii():
        return
    for encoding, errors in (("utf-8", "surrogateescape"), ("latin-1", "strict")):
        try:
            yield text.encode(encoding, errors)
        except UnicodeEncodeError:
            continue


def _is_in_bytes(data: bytes, depth: int = _DEPTH) -> bool:
    data = data[:LONGEST]
    text = data.replace(b"\0", b"")  # UTF-16 and UTF-32
    if _TEXT.search(text) or _is_der(data):
        return True
    if depth == 0 or len(text) < _SHORTEST_ENCODING:
        return False
    # As a set, since a text and its only part are the same.
    return any(_is_in_bytes(decoded, depth - 1) for decoded in set(_decoded(text)))


def _decoded(text: bytes) -> Iterator[bytes]:
    """Yield what the text, and each part of it, is an encoding of."""
    yield from _decoded_as_whole(text)
    for part in {part for pattern in _BASE64 for part in pattern.findall(text)}:
        yield from _from_base64(part)
    for part in _HEX.findall(text):
        yield from _from_hex(part)


def _decoded_as_whole(text: bytes) -> Iterator[bytes]:
    joined = b"".join(text.split())
    yield from _from_base64(joined)
    yield from _from_hex(joined)


def _from_base64(text: bytes) -> Iterator[bytes]:
    standard = text.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    try:
        # Without the last characters of a text that is cut short.
        yield base64.b64decode(standard[: len(standard) // 4 * 4], validate=True)
    except binascii.Error:
        return


def _from_hex(text: bytes) -> Iterator[bytes]:
    digits = b"".join(text.replace(b":", b"").split())
    try:
        yield binascii.unhexlify(digits[: len(digits) // 2 * 2])
    except binascii.Error:
        return


def _is_text(data: bytes) -> bool:
    text = "".join(data.decode("utf-8", "replace").replace("\ufeff", "").split())
    return text.isprintable()


def _is_der(data: bytes) -> bool:
    """Return whether one of the elements that follow each other in the data is a private key."""
    data = data.lstrip()
    at = 0
    while (found := der.element(data, at)) is not None:
        if found.tag == der.SEQUENCE and _is_key(data, found):
            return True
        at = found.end
    return False


def _is_key(data: bytes, outer: der.Element) -> bool:
    first = der.element(data, outer.begin)
    if first is None:
        return False
    if first.tag == der.SEQUENCE:
        cipher = der.element(data, first.begin)
        return cipher is not None and cipher.tag == der.OBJECT_ID and data.startswith(_ENCRYPTION, cipher.begin)
    second = der.element(data, first.end)
    if first.tag != der.INTEGER or second is None:
        return False
    return _is_key_of_version(data[first.begin : first.end], second)


def _is_key_of_version(version: bytes, second: der.Element) -> bool:
    """Return whether a sequence that begins with this integer and this element is a private key."""
    match version, second.tag:
        case (b"\0" | b"\1", der.SEQUENCE):  # PKCS#8
            return True
        case (b"\1", der.OCTET_STRING):  # SEC1
            return True
        case (b"\0", der.INTEGER):  # PKCS#1, DSA
            return True
        case (b"\1", der.INTEGER):  # PKCS#1 with more than two primes
            return second.end - second.begin > _LONGEST_OF_A_SIGNATURE
        case (b"\3", der.SEQUENCE):  # PKCS#12
            return True
    return False
