"""Signatures, certificates, names and images are accepted in their form only, and private keys never."""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cdk_iot_ota import CodeSigning, FileLocation, OtaFile, SignatureAlgorithm
from tests.keys import der_of, ec_key, forms, pem_of, quoted, rsa_key, text_of

from .stacks import SIGNATURE, custom, wrong

IMAGE = b"blinky 1.0.0\n"
CERTIFICATE = pem_of(ec_key()).decode()


def ecdsa(curve: str = "P-256") -> bytes:
    """Return a signature as `openssl dgst -sha256 -sign` writes it."""
    return ec_key(curve).sign(IMAGE, ec.ECDSA(hashes.SHA256()))


def raw_ecdsa(curve: str) -> bytes:
    """Return a signature as JOSE, PKCS#11 and most HSMs write it."""
    size = (ec_key(curve).key_size + 7) // 8
    return b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(ecdsa(curve)))


def rsa() -> bytes:
    """Return a signature of RSA with PKCS#1 v1.5."""
    return rsa_key().sign(IMAGE, padding.PKCS1v15(), hashes.SHA256())


def written(folder: Path, content: bytes) -> Path:
    """Write a file."""
    path = folder / "file"
    path.write_bytes(content)
    return path


# How a file's content may reach an argument.
Hand = Callable[[Path, bytes], object]
HANDS: dict[str, Hand] = {
    "signature": lambda folder, content: custom(signature=content),
    "signature of RSA": lambda folder, content: custom(signature=content, signature_algorithm=SignatureAlgorithm.RSA),
    "signature file": lambda folder, content: custom(signature=written(folder, content)),
    "signature as text": lambda folder, content: custom(signature=text_of(content)),
    "signature file named like its content": lambda folder, content: custom(signature=Path(text_of(content))),
    "certificate_chain": lambda folder, content: custom(certificate_chain=text_of(content)),
    "certificate_chain in bytes": lambda folder, content: custom(certificate_chain=content),
    "certificate_chain file": lambda folder, content: custom(certificate_chain=written(folder, content)),
    "certificate_name": lambda folder, content: custom(certificate_name=text_of(content)),
    "certificate_name in bytes": lambda folder, content: custom(certificate_name=content),
    "certificate": lambda folder, content: custom(certificate=content),
    "certificate as text": lambda folder, content: custom(certificate=text_of(content)),
    "certificate file": lambda folder, content: custom(certificate=written(folder, content)),
    "hash_algorithm": lambda folder, content: custom(hash_algorithm=text_of(content)),
    "signature_algorithm": lambda folder, content: custom(signature_algorithm=content),
    "image": lambda folder, content: FileLocation.from_asset(written(folder, content)),
    "image named like its content": lambda folder, content: FileLocation.from_asset(text_of(content)),
    "name of a file": lambda folder, content: OtaFile(name=text_of(content), signing=CodeSigning.unsigned()),
    "attributes": lambda folder, content: OtaFile(
        name="/a", signing=CodeSigning.unsigned(), attributes={text_of(content): text_of(content)}
    ),
    "location": lambda folder, content: OtaFile(
        name="/a", signing=CodeSigning.unsigned(), location=wrong([{"a": content}])
    ),
}


@pytest.mark.parametrize("hand", HANDS.values(), ids=HANDS)
@pytest.mark.parametrize("kind", ["EC", "RSA"])
def test_a_private_key_is_refused_and_never_quoted(kind: str, hand: Hand, tmp_path: Path) -> None:
    """A private key in any form is refused wherever it is handed in, by an error without eight bytes of it."""
    for form, content in forms(kind).items():
        with pytest.raises((TypeError, ValueError)) as refused:
            hand(tmp_path, content)
        chain: BaseException | None = refused.value
        while chain is not None:
            assert quoted(f"{chain} {chain!r}", content) == [], form
            chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)


# A path loses some characters of its text, and the others have other errors.
OTHERS = ("signature_", "hash_", "location", "name of", "attributes")
KEY_HANDS = [name for name in HANDS if not name.startswith(OTHERS) and "named like" not in name]


@pytest.mark.parametrize("name", KEY_HANDS)
@pytest.mark.parametrize("kind", ["EC", "RSA"])
def test_a_private_key_is_named_with_the_remedy(kind: str, name: str, tmp_path: Path) -> None:
    """The error for a private key begins with the argument, and tells that the key stays where one signs."""
    argument = "path" if name.startswith("image") else name.split()[0]
    for form, content in forms(kind).items():
        with pytest.raises(ValueError, match=rf"^{argument}.* private key.* key stays where you sign") as refused:
            HANDS[name](tmp_path, content)
        assert "not shown" in str(refused.value) or argument == "path", form


class Case(NamedTuple):
    """An input: how it is handed in, its content, and the error, or None if it is accepted."""

    hand: str
    content: Callable[[], bytes]
    error: str | None


RAW = "signature must be the raw bytes, but is"
SIGN = r"openssl dgst -sha256 -sign"
PUBLIC = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
CASES: dict[str, Case] = {
    # signatures of ECDSA
    "P-256": Case("signature", ecdsa, None),
    "P-384": Case("signature", lambda: ecdsa("P-384"), None),
    "P-521": Case("signature", lambda: ecdsa("P-521"), None),
    "P-256 in a file": Case("signature file", ecdsa, None),
    "smallest numbers": Case("signature", lambda: SIGNATURE, None),
    "empty": Case("signature", lambda: b"", r"signature must not be empty: sign the file"),
    "empty file": Case("signature file", lambda: b"", r"signature must not be empty: sign the file"),
    "raw P-256": Case("signature", lambda: raw_ecdsa("P-256"), "its 64 bytes look like r and s .*encode_dss_signature"),
    "raw P-384": Case("signature", lambda: raw_ecdsa("P-384"), "its 96 bytes look like r and s .*encode_dss_signature"),
    "raw P-521": Case("signature", lambda: raw_ecdsa("P-521"), "its 132 bytes look like r and s .*encode_dss_signat"),
    "line break behind": Case(
        "signature", lambda: ecdsa() + b"\n", "has a line break behind them: write it with `-out`"
    ),
    "Windows line break behind": Case("signature file", lambda: ecdsa() + b"\r\n", "has a line break behind them"),
    "NUL behind": Case("signature", lambda: ecdsa() + b"\0", f"but 1 bytes follow it: hand in the file that `{SIGN}"),
    "twice": Case("signature", lambda: ecdsa() * 2, "bytes follow it: hand in the file"),
    "cut short": Case("signature", lambda: ecdsa()[:-9], "must be complete, but ends after .* copy the whole file"),
    "first bytes only": Case("signature", lambda: ecdsa()[:3], "must be complete, but ends after 3 of"),
    "negative r": Case("signature", lambda: bytes.fromhex("3006020181020101"), "two positive INTEGERs for ECDSA"),
    "r is zero": Case("signature", lambda: bytes.fromhex("3006020102020100"), "two positive INTEGERs for ECDSA"),
    "one number": Case("signature", lambda: bytes.fromhex("3003020101"), "two positive INTEGERs for ECDSA"),
    "three numbers": Case("signature", lambda: bytes.fromhex("3009020102020101020101"), "two positive INTEGERs"),
    "number with a needless zero": Case(
        "signature", lambda: bytes.fromhex("300702020001020101"), "two positive INTEGERs"
    ),
    "needlessly long length": Case("signature", lambda: bytes.fromhex("308106020101020101"), "two positive INTEGERs"),
    "numbers longer than P-521": Case(
        "signature",
        lambda: b"\x30\x81\x8b\x02\x43" + b"\x01" * 67 + b"\x02\x44" + b"\x01" * 68,
        "two positive INTEGERs",
    ),
    "public key of RSA": Case(
        "signature", lambda: rsa_key().public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1), "two positive INTEG"
    ),
    "set of two numbers": Case("signature", lambda: b"\x31" + SIGNATURE[1:], "two positive INTEGERs for ECDSA"),
    # signatures of RSA
    "RSA of 1024 bits": Case("signature of RSA", rsa, None),
    "RSA of 4096 bits": Case("signature of RSA", lambda: b"\xff" * 512, None),
    "RSA declared as ECDSA": Case("signature", rsa, "128 bytes look like one of RSA: declare SignatureAlgorithm.RSA"),
    "ECDSA declared as RSA": Case("signature of RSA", ecdsa, "but is one of ECDSA: declare SignatureAlgorithm.ECDSA"),
    "RSA with a line break": Case("signature of RSA", lambda: rsa() + b"\n", "has a line break behind them"),
    "RSA cut short": Case("signature of RSA", lambda: rsa()[:-1], "length of 128, 256, 384, 512 bytes, got 127"),
    "RSA behind a mark": Case("signature of RSA", lambda: b"\xef\xbb\xbf" + rsa(), "begins with a byte-order mark"),
    # text in the place of a signature
    "base64": Case(
        "signature", lambda: base64.b64encode(ecdsa()), f"{RAW} base64 in ASCII: decode .*`openssl base64 -d"
    ),
    "base64 in lines": Case("signature", lambda: base64.encodebytes(rsa()), f"{RAW} base64 in ASCII: decode it first"),
    "base64 with a mark": Case(
        "signature", lambda: b"\xef\xbb\xbf" + base64.b64encode(rsa()), f"{RAW} base64 in UTF-8 with a byte-order mark"
    ),
    "base64 in UTF-16": Case(
        "signature file",
        lambda: base64.b64encode(ecdsa()).decode().encode("utf-16"),
        f"{RAW} base64 in UTF-16 with a byte-order mark",
    ),
    "base64 in UTF-16 without a mark": Case(
        "signature", lambda: base64.b64encode(ecdsa()).decode().encode("utf-16-le"), f"{RAW} base64 in UTF-16: decode"
    ),
    "hex": Case("signature", lambda: ecdsa().hex().encode(), f"{RAW} hex digits in ASCII: decode it first.*`xxd -r -p"),
    "hex with colons": Case("signature", lambda: ecdsa().hex(":").encode(), f"{RAW} hex digits in ASCII"),
    "another PEM": Case(
        "signature", lambda: ec_key().public_key().public_bytes(*PUBLIC), f"{RAW} PEM in ASCII: hand in"
    ),
    "words": Case("signature", lambda: "für blinky, mit Gruß".encode(), f"{RAW} text in UTF-8: hand in"),
    "certificate in PEM": Case(
        "signature", lambda: pem_of(ec_key()), "but is a certificate in PEM: hand in the file that"
    ),
    "certificate in DER": Case("signature of RSA", lambda: der_of(ec_key()), "but is a certificate in DER: hand in"),
    "firmware": Case("signature", lambda: bytes(range(256)) * 64, "at most 1024 bytes, got 16384: is it the firmware"),
    # chains
    "one certificate": Case("certificate_chain", lambda: CERTIFICATE.encode(), None),
    "chain with blank lines": Case(
        "certificate_chain file", lambda: f"\n{CERTIFICATE}\n{CERTIFICATE}\n".encode(), None
    ),
    "chain with Windows line breaks": Case(
        "certificate_chain file", lambda: CERTIFICATE.replace("\n", "\r\n").encode(), None
    ),
    "empty chain": Case("certificate_chain", lambda: b"", "must be PEM text with a certificate, got a str of length 0"),
    "empty chain file": Case(
        "certificate_chain file", lambda: b"", "^certificate_chain '.*/file' must be PEM text with a"
    ),
    "chain cut short": Case(
        "certificate_chain", lambda: CERTIFICATE[:-40].encode(), "must be complete, but .* copy the"
    ),
    "chain with a line missing": Case(
        "certificate_chain file",
        lambda: "".join(CERTIFICATE.splitlines(keepends=True)[:3] + CERTIFICATE.splitlines(keepends=True)[4:]).encode(),
        "'.*/file' must be complete, but certificate 1 of 1 is damaged: copy the whole file",
    ),
    "chain in UTF-16": Case(
        "certificate_chain file",
        lambda: CERTIFICATE.encode("utf-16"),
        "^certificate_chain '.*/file' must be ASCII text, but is UTF-16 with a byte-order mark: save it as ASCII",
    ),
    "chain with a mark": Case(
        "certificate_chain", lambda: f"\ufeff{CERTIFICATE}".encode(), "is UTF-8 with a byte-order"
    ),
    "chain with an umlaut": Case(
        "certificate_chain file", lambda: f"{CERTIFICATE}ü".encode(), "must be ASCII text, but is"
    ),
    "chain with other bytes": Case(
        "certificate_chain file", lambda: b"\xff" * 9, "ASCII text, but is not text: save it"
    ),
    "chain in DER": Case(
        "certificate_chain file",
        lambda: der_of(ec_key()),
        "must be PEM text, but is DER: convert .*`openssl x509 -inform",
    ),
    "chain with remarks": Case(
        "certificate_chain", lambda: f"subject=a\n{CERTIFICATE}".encode(), "blocks only, but has"
    ),
    "chain with a public key": Case(
        "certificate_chain", lambda: CERTIFICATE.encode() + ec_key().public_key().public_bytes(*PUBLIC), "blocks only"
    ),
    # names
    "name": Case("certificate_name", lambda: b"/certificates/signer.pem", None),
    "name that is empty": Case("certificate_name", lambda: b"", "at least 1 characters, got 0: a str of length 0"),
    "name that is a certificate": Case("certificate_name", lambda: CERTIFICATE.encode(), "no control or unassigned"),
    # certificates for the verification
    "certificate of the signer in PEM": Case("certificate", lambda: pem_of(ec_key()), None),
    "certificate of the signer in DER": Case("certificate file", lambda: der_of(ec_key()), None),
    "certificate as text": Case(
        "certificate as text", lambda: pem_of(ec_key()), "certificate must be bytes or a pathlib.Path, got a str of"
    ),
    "two certificates": Case(
        "certificate", lambda: pem_of(ec_key()) * 2, "certificate of the signer, got 2: give that"
    ),
    "certificate that is empty": Case(
        "certificate file", lambda: b"", "'.*/file' must be a certificate in PEM or DER, but"
    ),
    "certificate cut short": Case("certificate", lambda: pem_of(ec_key())[:-60], "must be a certificate in PEM or DER"),
    "certificate in UTF-16": Case(
        "certificate", lambda: CERTIFICATE.encode("utf-16"), "must be ASCII text, but is UTF-16"
    ),
    "certificate of RSA": Case(
        "certificate", lambda: pem_of(rsa_key()), "must have a key for ECDSA, got RSA: give the"
    ),
    # images
    "firmware with the words of a TLS library": Case(
        "image", lambda: b"\x7fELF\0\1\2-----BEGIN EC PRIVATE KEY-----\n\0-----END EC PRIVATE KEY-----\n", None
    ),
    "script that mentions a key": Case("image", lambda: b'begin = "-----BEGIN PRIVATE KEY-----"\n', None),
    "certificate as an image": Case("image", lambda: pem_of(ec_key()), None),
    "script with a key in it": Case(
        "image", lambda: b"cat <<E\n" + forms("EC")["PKCS#8 in PEM"], "looks like a private"
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_each_input_is_accepted_or_refused(case: Case, tmp_path: Path) -> None:
    """An input in its form is accepted, and any other is refused with its problem and without eight bytes of it."""
    content = case.content()
    if case.error is None:
        assert HANDS[case.hand](tmp_path, content)
        return
    with pytest.raises((TypeError, ValueError)) as refused:
        HANDS[case.hand](tmp_path, content)
    assert re.search(case.error, str(refused.value)), str(refused.value)
    if len(content) >= 8 and case.hand != "image":
        assert quoted(str(refused.value), content) == []


def test_many_inputs_are_tried() -> None:
    """There are at least 60 inputs besides the private keys."""
    assert len(CASES) >= 60
    assert len(forms("EC")) >= 20


def test_what_is_refused_is_never_in_the_representation_of_a_signature() -> None:
    """The representation of a signature, which other errors quote, has none of its bytes and no certificate."""
    signing = custom(signature=ecdsa(), certificate_chain=CERTIFICATE, certificate_name="/somewhere/signer.pem")
    assert quoted(repr(signing), ecdsa() + CERTIFICATE.encode()) == []
    assert "somewhere" not in repr(signing)


def test_a_chain_that_is_known_at_deploy_time_only_passes() -> None:
    """A chain and a name that are tokens are left to the handler."""
    from aws_cdk import Fn

    late = Fn.import_value("late")
    rendered = custom(certificate_chain=late, certificate_name=late).render()
    assert rendered is not None
    chain = rendered["customCodeSigning"]["certificateChain"]
    assert chain == {"certificateName": late, "inlineDocument": late}
