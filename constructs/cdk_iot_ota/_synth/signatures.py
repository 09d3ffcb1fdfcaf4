"""The form of a signature: the bytes that devices verify, without any encoding, for the algorithm that is declared.

AWS IoT accepts any bytes, and every device rejects those of another form. No error quotes a byte of them.
"""

from cdk_iot_ota_handler.ota_update.contract import der, limits, private_keys

from . import encodings, tokens

_LONGEST = 1024
_RSA_LENGTHS = (128, 256, 384, 512)
# r and s, one after the other, of P-256, P-384 and P-521.
_RAW_ECDSA_LENGTHS = (64, 96, 132)
_LONGEST_INTEGER = 66  # of P-521
_SIGN = "`openssl dgst -sha256 -sign signer.key -out blinky.sig blinky.bin`"
_CONVERT = (
    "encode_dss_signature(int.from_bytes(raw[:n], 'big'), int.from_bytes(raw[n:], 'big')) of "
    "cryptography.hazmat.primitives.asymmetric.utils, where n is half of its length"
)


def check(signature: bytes, algorithm: str) -> bytes:
    """Return a signature after checking its form, unless it is a dummy. Raises TypeError or ValueError with the remedy.

    :param algorithm: ``ECDSA`` or ``RSA``.
    """
    if tokens.is_dummy(signature) and isinstance(signature, bytes):
        return signature
    if private_keys.is_in(signature):
        raise ValueError(
            "signature must be a signature, but has what looks like a private key (not shown): the private key stays "
            f"where you sign; hand in the file that {_SIGN} writes"
        )
    if not isinstance(signature, bytes):
        described = limits.described(signature)
        raise TypeError(f"signature must be bytes or a pathlib.Path, got {described}: wrap a path in Path(…)")
    if not signature:
        raise ValueError("signature must not be empty: sign the file, or use CodeSigning.unsigned()")
    _refuse_certificate(signature)
    if len(signature) > _LONGEST:
        raise ValueError(
            f"signature must have at most {_LONGEST} bytes, got {len(signature)}: is it the firmware itself?"
        )
    problem = _text(signature) or _other_algorithm(signature, algorithm)
    if problem is None and not is_valid(signature, algorithm):
        problem = _surrounded(signature, algorithm) or _unknown(signature, algorithm)
    if problem is not None:
        raise ValueError(f"signature must be {problem}")
    return signature


def is_valid(signature: bytes, algorithm: str) -> bool:
    """Return whether a signature has the form that its algorithm gives it."""
    return _is_ecdsa(signature) if algorithm == "ECDSA" else len(signature) in _RSA_LENGTHS


def _is_ecdsa(data: bytes) -> bool:
    outer = der.element(data)
    if outer is None or outer.tag != der.SEQUENCE or outer.end != len(data) or not _is_minimal(data, 0, outer):
        return False
    r = der.element(data, outer.begin)
    s = None if r is None else der.element(data, r.end)
    if r is None or s is None or s.end != outer.end:
        return False
    return _is_positive(data, outer.begin, r) and _is_positive(data, r.end, s)


def _is_minimal(data: bytes, at: int, found: der.Element) -> bool:
    """Return whether the length of an element is written in as few bytes as DER wants."""
    size, length = found.begin - at, found.end - found.begin
    return size == (2 if length < 128 else 3 if length < 256 else 4) and data[at + 1] != 128


def _is_positive(data: bytes, at: int, found: der.Element) -> bool:
    value = data[found.begin : found.end]
    number = int.from_bytes(value, "big", signed=True)
    # As few bytes as DER wants: a leading zero only where the number would be negative without it.
    is_shortest = len(value) == number.bit_length() // 8 + 1
    is_integer = found.tag == der.INTEGER and _is_minimal(data, at, found)
    return is_integer and number > 0 and is_shortest and len(value) <= _LONGEST_INTEGER


def _refuse_certificate(data: bytes) -> None:
    outer = der.element(data)
    first = None if outer is None else der.element(data, outer.begin)
    is_der = outer is not None and first is not None and (outer.tag, first.tag) == (der.SEQUENCE, der.SEQUENCE)
    if is_der or b"-----BEGIN CERTIFICATE" in data.replace(b"\0", b""):
        kind = "DER" if is_der else "PEM"
        raise ValueError(
            f"signature must be a signature, but is a certificate in {kind}: hand in the file that {_SIGN} writes; "
            "certificate and certificate_chain take certificates"
        )


def _text(data: bytes) -> str | None:
    found = encodings.text_of(data)
    if found is None:
        return None
    text, encoding = found
    if "-----BEGIN" in text:
        kind, remedy = "PEM", f"hand in the file that {_SIGN} writes"
    elif encodings.is_hex(text):
        kind, remedy = "hex digits", "decode it first, as `xxd -r -p in out` does"
    elif encodings.is_base64(text):
        kind, remedy = "base64", "decode it first, as `openssl base64 -d -A -in in -out out` does"
    else:
        kind, remedy = "text", f"hand in the file that {_SIGN} writes"
    return f"the raw bytes, but is {kind} in {encoding}: {remedy}; this library adds the API's encoding"


def _other_algorithm(data: bytes, algorithm: str) -> str | None:
    """Return the problem of a signature that is one of another algorithm, or of ECDSA in another form."""
    size = len(data)
    if algorithm == "RSA":
        if _is_ecdsa(data):
            return "of RSA, but is one of ECDSA: declare SignatureAlgorithm.ECDSA"
        return None
    if _is_ecdsa(data):
        return None
    if size in _RAW_ECDSA_LENGTHS:
        return f"one DER SEQUENCE, but its {size} bytes look like r and s without it: convert them by {_CONVERT}"
    if size in _RSA_LENGTHS:
        return f"of ECDSA, but its {size} bytes look like one of RSA: declare SignatureAlgorithm.RSA"
    return None


def _surrounded(data: bytes, algorithm: str) -> str | None:
    """Return the problem of a valid signature with something before or behind it."""
    bare = encodings.without_mark(data)
    if bare != data:
        return (
            "the raw bytes, but begins with a byte-order mark: a tool wrote it as text, and may have changed other "
            f"bytes too; hand in the file that {_SIGN} writes"
        )
    if any(data.endswith(end) and is_valid(data.removesuffix(end), algorithm) for end in (b"\n", b"\r\n")):
        return "the raw bytes, but has a line break behind them: write it with `-out` instead of a redirection or echo"
    return None


def _unknown(data: bytes, algorithm: str) -> str:
    if algorithm == "RSA":
        lengths = ", ".join(str(length) for length in _RSA_LENGTHS)
        return f"of RSA with a length of {lengths} bytes, got {len(data)}: is the file complete, and from {_SIGN}?"
    outer = der.element(data)
    if outer is not None and outer.tag == der.SEQUENCE and outer.end > len(data):
        return f"complete, but ends after {len(data)} of {outer.end} bytes: copy the whole file"
    if outer is not None and outer.tag == der.SEQUENCE and is_valid(data[: outer.end], "ECDSA"):
        behind = len(data) - outer.end
        return f"one DER SEQUENCE of r and s, but {behind} bytes follow it: hand in the file that {_SIGN} writes"
    return (
        f"one DER SEQUENCE of two positive INTEGERs for ECDSA, but its {len(data)} bytes are not: hand in the file "
        f"that {_SIGN} writes"
    )
