"""Text in files that should be binary, or in another encoding than they should be."""

import base64
import binascii
import codecs

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_WITHOUT_MARK = ("utf-8", "utf-16-le", "utf-16-be")


def text_of(data: bytes) -> tuple[str, str] | None:
    """Return data as text and its encoding, with the byte-order mark if it has one, or None if it is binary."""
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            text = _decoded(data[len(mark) :], encoding)
            return None if text is None else (text, f"{_name(encoding)} with a byte-order mark")
    for encoding in _WITHOUT_MARK:
        text = _decoded(data, encoding)
        # Pairs of random bytes are letters in UTF-16 more often than not, but hardly ever of ASCII.
        if text is not None and (encoding == "utf-8" or text.isascii()):
            return text, "ASCII" if text.isascii() and encoding == "utf-8" else _name(encoding)
    return None


def without_mark(data: bytes) -> bytes:
    """Return data without a byte-order mark."""
    return next((data[len(mark) :] for mark in _MARKS if data.startswith(mark)), data)


def is_base64(text: str) -> bool:
    """Return whether text is base64, in one line or several."""
    try:
        return bool(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError):
        return False


def is_hex(text: str) -> bool:
    """Return whether text is hex digits, with or without colons between the bytes."""
    try:
        return bool(bytes.fromhex(text.replace(":", "")))
    except ValueError:
        return False


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return text if text and "".join(text.split()).isprintable() else None


def _name(encoding: str) -> str:
    return encoding.upper().removesuffix("-LE").removesuffix("-BE")
