"""Private keys in the forms in which they may be handed in by mistake, and certificates of them."""

import base64
import datetime
import functools
import re

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_PARAMETERS = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
_PKCS8, _TRADITIONAL, _OPENSSH = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL, PrivateFormat.OpenSSH
_ENCRYPTED = BestAvailableEncryption(b"password")


def ec_key(curve: str = "P-256", *, number: int = 0) -> ec.EllipticCurvePrivateKey:
    """Return a key on a curve, always the same one for a number."""
    return _ec_key(curve, number)


def rsa_key(*, number: int = 0, bits: int = 1024) -> rsa.RSAPrivateKey:
    """Return a key, always the same one for a number; longer ones than the default take long to generate."""
    return _rsa_key(number, bits)


@functools.cache
def _ec_key(curve: str, _number: int) -> ec.EllipticCurvePrivateKey:
    curves = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    return ec.generate_private_key(curves[curve])


@functools.cache
def _rsa_key(_number: int, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def certificate(key: Key, *, begin: int = -1, end: int = 3650) -> x509.Certificate:
    """Return a certificate of a key that is valid between two days, counted from now."""
    name, now = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "signer")]),
        datetime.datetime.now(datetime.timezone.utc),
    )
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
    begins, ends = (now + datetime.timedelta(days=days) for days in (begin, end))
    return builder.not_valid_before(begins).not_valid_after(ends).sign(key, hashes.SHA256())


def pem_of(key: Key, **validity: int) -> bytes:
    """Return a certificate of a key in PEM."""
    return certificate(key, **validity).public_bytes(Encoding.PEM)


def der_of(key: Key) -> bytes:
    """Return a certificate of a key in DER."""
    return certificate(key).public_bytes(Encoding.DER)


@functools.cache
def forms(kind: str) -> dict[str, bytes]:
    """Return the content of files that have a private key, ``EC`` or ``RSA``, by the name of their form."""
    key: Key = ec_key() if kind == "EC" else rsa_key()

    def written(encoding: Encoding, form: PrivateFormat, encryption: KeySerializationEncryption | None = None) -> bytes:
        return key.private_bytes(encoding, form, encryption or NoEncryption())

    pem, der = written(Encoding.PEM, _PKCS8), written(Encoding.DER, _PKCS8)
    body = b"".join(pem.splitlines()[1:-1])
    return {
        "PKCS#8 in PEM": pem,
        "traditional PEM": written(Encoding.PEM, _TRADITIONAL),
        "OpenSSH": written(Encoding.PEM, _OPENSSH),
        "encrypted PKCS#8 in PEM": written(Encoding.PEM, _PKCS8, _ENCRYPTED),
        "encrypted traditional PEM": written(Encoding.PEM, _TRADITIONAL, _ENCRYPTED),
        "PEM behind EC PARAMETERS": _PARAMETERS + written(Encoding.PEM, _TRADITIONAL),
        "PKCS#8 in DER": der,
        "traditional DER": written(Encoding.DER, _TRADITIONAL),
        "encrypted PKCS#8 in DER": written(Encoding.DER, _PKCS8, _ENCRYPTED),
        "PKCS#12": pkcs12.serialize_key_and_certificates(b"signer", key, certificate(key), None, _ENCRYPTED),
        "base64 of DER": base64.b64encode(der),
        "base64 of traditional DER in lines": base64.encodebytes(written(Encoding.DER, _TRADITIONAL)),
        "URL-safe base64 of DER without padding": base64.urlsafe_b64encode(der).rstrip(b"="),
        "base64 of base64 of DER": base64.b64encode(base64.b64encode(der)),
        "base64 of PEM": base64.b64encode(pem),
        "hex of DER": der.hex().encode(),
        "PEM in UTF-16": pem.decode().encode("utf-16"),
        "PEM in UTF-16 without a mark": pem.decode().encode("utf-16-be"),
        "PEM with a UTF-8 mark": b"\xef\xbb\xbf" + pem,
        "PEM with Windows line breaks": pem.replace(b"\n", b"\r\n"),
        "PEM in one line": pem.replace(b"\n", b""),
        "PEM cut short": pem[:60],
        "PEM without its first line": pem.split(b"\n", 1)[1],
        "body of PEM cut short": body[:-7],
        "DER cut short": der[:-9],
        "DER with a line break": der + b"\n",
        "certificate and key in PEM": pem_of(key) + pem,
        "key and certificate in PEM": pem + pem_of(key),
        "certificate and key in DER": der_of(key) + der,
        "key under the label of a certificate": pem.replace(b"PRIVATE KEY", b"CERTIFICATE"),
    }


def quoted(text: str, content: bytes) -> list[str]:
    """Return the parts of a text that quote eight bytes or more of a file: as they are, in base64 or in hex."""
    windows = _windows(content)
    return [part for part in (text[at : at + 8] for at in range(len(text) - 7)) if part in windows]


@functools.cache
def _windows(content: bytes) -> frozenset[str]:
    encoded = [content.hex(), *(base64.b64encode(content[shift:]).decode() for shift in range(3))]
    # The first and the last lines of PEM are the same in any file.
    secret = re.sub(rb"-----(?:BEGIN|END) [A-Z0-9 #]+-----", bytes(8), content)
    windows = {form[at : at + 8] for form in (secret.decode("latin-1"), *encoded) for at in range(len(form) - 7)}
    return frozenset(windows | {repr(secret[at : at + 8])[2:-1] for at in range(len(secret) - 7)})


def text_of(content: bytes) -> str:
    """Return the text that a program, or a parameter of a template, has from a file."""
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return content.decode("latin-1")
