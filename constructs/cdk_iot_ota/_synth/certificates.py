"""The form of certificates that are handed in as text. No error quotes a character of them."""

import base64
import binascii
import re
from pathlib import Path

from cdk_iot_ota_handler.ota_update.contract import der, limits, private_keys

from . import checks, encodings, late, tokens

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_BLOCK = re.compile(rf"{_BEGIN}\s([A-Za-z0-9+/=\s]+)\s{_END}")


def chain(value: str | Path) -> str:
    """Return the PEM text of a chain after checking it. Raises TypeError or ValueError with the file and the remedy."""
    name = "certificate_chain"
    if isinstance(value, Path):
        data = checks.content(name, value)
        where = f"{name} {str(value.resolve())!r}"
        return data.decode("latin-1") if tokens.is_dummy(data) else _pem(where, ascii_of(where, data))
    private_keys.refuse(name, value)
    if not isinstance(value, str):
        raise TypeError(f"{name} must be PEM text or a pathlib.Path, got {limits.described(value)}")
    checks.refuse_list_item(name, value)
    if not tokens.known(value):
        late.note(name, value, lambda found: _pem(name, ascii_of(name, found.encode("utf-8", "surrogatepass"))))
        return value
    return _pem(name, ascii_of(name, value.encode("utf-8", "surrogatepass")))


def ascii_of(name: str, data: bytes) -> str:
    """Return ASCII text. Raises ValueError for a private key, another encoding, a certificate in DER, or no text."""
    private_keys.refuse(name, data)
    if data.isascii() and b"\0" not in data:
        return data.decode("ascii")
    outer = der.element(data)
    if outer is not None and outer.tag == der.SEQUENCE and outer.end >= len(data):
        raise ValueError(
            f"{name} must be PEM text, but is DER: convert it, as `openssl x509 -inform DER -in in -out out` does"
        )
    found = encodings.text_of(data)
    kind = "is not text" if found is None else f"is {found[1]}"
    raise ValueError(f"{name} must be ASCII text, but {kind}: save it as ASCII, without a byte-order mark")


def _pem(name: str, text: str) -> str:
    if _BEGIN not in text:
        raise ValueError(
            f"{name} must be PEM text with a certificate, got {limits.described(text)} without {_BEGIN}: hand in what "
            "`openssl x509` writes"
        )
    blocks = _BLOCK.findall(text)
    begun, ended = text.count(_BEGIN), text.count(_END)
    if begun != ended:
        raise ValueError(
            f"{name} must be complete, but has {_BEGIN} {begun} times and {_END} {ended} times: copy the whole file"
        )
    if _BLOCK.sub("", text).strip() or len(blocks) != begun:
        raise ValueError(
            f"{name} must be {_BEGIN} blocks only, but has something else in or between them: delete other lines and "
            "blocks, and write each block as `openssl x509` does"
        )
    for index, block in enumerate(blocks, 1):
        if not _is_complete(block):
            raise ValueError(
                f"{name} must be complete, but certificate {index} of {len(blocks)} is damaged: copy the whole file"
            )
    return text


def _is_complete(block: str) -> bool:
    try:
        data = base64.b64decode("".join(block.split()), validate=True)
    except binascii.Error:
        return False
    outer = der.element(data)
    return outer is not None and outer.tag == der.SEQUENCE and outer.end == len(data)
