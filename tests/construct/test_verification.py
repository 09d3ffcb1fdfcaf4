"""A signature is verified at synth against the image and the signer's certificate, if the certificate is given."""

import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aws_cdk import Annotations, Fn, Stack, assertions
from aws_cdk import aws_s3 as s3
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from cdk_iot_ota import CodeSigning, FileLocation, HashAlgorithm, OtaFile, OtaTarget, OtaUpdate, SignatureAlgorithm
from cdk_iot_ota.request.ota_file import BoundFile
from tests.keys import certificate, der_of, ec_key, pem_of, rsa_key

from .stacks import SIGNATURE, only_update, ota_file, stack

IMAGE = b"blinky 1.0.0\n"
SHA1, SHA256 = HashAlgorithm.SHA1, HashAlgorithm.SHA256


def ecdsa(image: bytes = IMAGE, *, hash_: Any = None, **key: Any) -> bytes:
    """Return a signature of ECDSA."""
    return ec_key(**key).sign(image, ec.ECDSA(hash_ or hashes.SHA256()))


def rsa(image: bytes = IMAGE, *, hash_: Any = None, form: Any = None, **key: Any) -> bytes:
    """Return a signature of RSA."""
    return rsa_key(**key).sign(image, form or padding.PKCS1v15(), hash_ or hashes.SHA256())


def pss() -> Any:
    """Return the padding that devices do not verify."""
    return padding.PSS(padding.MGF1(hashes.SHA256()), 32)


def custom(signature: bytes, certificate: bytes | Path | None, hash_algorithm: HashAlgorithm = SHA256) -> CodeSigning:
    """Return a custom signature whose algorithm its form tells."""
    return CodeSigning.custom(
        signature=signature,
        hash_algorithm=hash_algorithm,
        signature_algorithm=SignatureAlgorithm.RSA if len(signature) in (128, 256) else SignatureAlgorithm.ECDSA,
        certificate_name="/signer.pem",
        certificate=certificate,
    )


def image_with(folder: Path, signing: CodeSigning) -> OtaFile:
    """Return a file with the image and this signature."""
    image = folder / "blinky.bin"
    image.write_bytes(IMAGE)
    return ota_file(FileLocation.from_asset(image), signing=signing)


def declare(folder: Path, signing: CodeSigning) -> Stack:
    """Declare an update of the image with this signature, and return its stack."""
    made = stack()
    OtaUpdate(made, "Blinky", targets=[OtaTarget.thing("a")], files=[image_with(folder, signing)])
    return made


def bind(folder: Path, signing: CodeSigning) -> Stack:
    """Do what an update does with its files, and return the stack."""
    made = stack()
    BoundFile.bind_all(made, [image_with(folder, signing)])
    return made


class Case(NamedTuple):
    """A signature, a certificate, the hash that is declared, and the error, or None if they match."""

    signature: Callable[[], bytes]
    certificate: Callable[[], bytes]
    hash_algorithm: HashAlgorithm
    error: str | None


def ec_certificate() -> bytes:
    """Return the certificate of the ECDSA signer."""
    return pem_of(ec_key())


def rsa_certificate() -> bytes:
    """Return the certificate of the RSA signer."""
    return pem_of(rsa_key())


EITHER = "either the image was changed after it was signed: sign .*; or it was made with another key than that of the"
OTHER_KEY = "but it was made with another key than that of the certificate: give the certificate of the key that signs"
CASES: dict[str, Case] = {
    "ECDSA on P-256": Case(ecdsa, ec_certificate, SHA256, None),
    "ECDSA on P-384": Case(lambda: ecdsa(curve="P-384"), lambda: pem_of(ec_key("P-384")), SHA256, None),
    "ECDSA on P-521": Case(lambda: ecdsa(curve="P-521"), lambda: pem_of(ec_key("P-521")), SHA256, None),
    "RSA with SHA256": Case(rsa, rsa_certificate, SHA256, None),
    "RSA with SHA1": Case(lambda: rsa(hash_=hashes.SHA1()), rsa_certificate, SHA1, None),
    "certificate in DER": Case(ecdsa, lambda: der_of(ec_key()), SHA256, None),
    "ECDSA of another image": Case(lambda: ecdsa(b"old"), ec_certificate, SHA256, EITHER),
    "ECDSA of another key": Case(ecdsa, lambda: pem_of(ec_key(number=1)), SHA256, EITHER),
    "ECDSA of a longer key": Case(lambda: ecdsa(curve="P-521"), ec_certificate, SHA256, rf"{OTHER_KEY} \(its numbers"),
    "ECDSA of a shorter key": Case(ecdsa, lambda: pem_of(ec_key("P-384")), SHA256, rf"{OTHER_KEY} .*, the key 384\)"),
    "ECDSA with SHA1": Case(
        lambda: ecdsa(hash_=hashes.SHA1()),
        ec_certificate,
        SHA256,
        "made with the hash SHA1: declare HashAlgorithm.SHA1",
    ),
    "ECDSA with SHA384": Case(
        lambda: ecdsa(hash_=hashes.SHA384()),
        ec_certificate,
        SHA256,
        "the hash SHA384: sign with the one that you declare",
    ),
    "RSA of another image": Case(
        lambda: rsa(b"old"),
        rsa_certificate,
        SHA256,
        "but the image was changed after it was signed: sign the image that",
    ),
    "RSA of another key": Case(rsa, lambda: pem_of(rsa_key(number=1)), SHA256, f"{OTHER_KEY}$"),
    "RSA of a longer key": Case(lambda: b"\1" * 256, rsa_certificate, SHA256, r"has 2048 bits, the key 1024\)$"),
    "RSA with SHA1, declared as SHA256": Case(
        lambda: rsa(hash_=hashes.SHA1()), rsa_certificate, SHA256, "the hash SHA1: declare HashAlgorithm.SHA1, or sign"
    ),
    "RSA with SHA256, declared as SHA1": Case(
        rsa, rsa_certificate, SHA1, "the hash SHA256: declare HashAlgorithm.SHA256"
    ),
    "RSA with SHA512": Case(lambda: rsa(hash_=hashes.SHA512()), rsa_certificate, SHA256, "the hash SHA512: sign with"),
    "RSA with PSS": Case(
        lambda: rsa(form=pss()), rsa_certificate, SHA256, r"its padding is PSS, and devices verify PKCS#1"
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_signature_must_match_image_and_certificate(case: Case, tmp_path: Path) -> None:
    """A signature that matches is accepted, and the error for any other tells whether image, key or hash differ."""
    signing = custom(case.signature(), case.certificate(), case.hash_algorithm)
    if case.error is None:
        bind(tmp_path, signing)
        return
    begin = r"signature of file '/firmware/blinky.bin' must match image '.*/blinky.bin' and certificate, but "
    with pytest.raises(ValueError, match=rf"^{begin}.*{case.error.removeprefix('but ')}"):
        bind(tmp_path, signing)


def test_the_error_has_the_path_of_the_update(tmp_path: Path) -> None:
    """The error of a signature that does not match begins with the construct's path."""
    with pytest.raises(ValueError, match=r"^Prod/Blinky: signature of file '/firmware/blinky.bin' must match image"):
        declare(tmp_path, custom(ecdsa(b"old"), ec_certificate()))


def test_without_a_certificate_nothing_is_verified(tmp_path: Path) -> None:
    """A signature that does not match passes if no certificate is given."""
    bind(tmp_path, custom(SIGNATURE, None))


def test_the_certificate_is_not_part_of_the_request(tmp_path: Path) -> None:
    """The template with a certificate, from a file or in bytes, is that without one."""
    path, signature = tmp_path / "signer.pem", ecdsa()
    path.write_bytes(ec_certificate())
    requests = [
        only_update(declare(tmp_path, custom(signature, given)))["Properties"]["Request"]
        for given in (None, path, ec_certificate())
    ]
    assert requests[0] == requests[1] == requests[2]


def warnings(made: Stack) -> list[str]:
    """Return the warnings of a stack's constructs."""
    found = assertions.Annotations.from_stack(made).find_warning("*", assertions.Match.any_value())
    return [str(one.entry.data) for one in found]


@pytest.mark.parametrize(
    ("begin", "end", "problem"),
    [(-20, -10, r"was valid until \d{4}-\d\d-\d\d \(UTC\)"), (10, 20, r"is valid from \d{4}-\d\d-\d\d \(UTC\)")],
    ids=["expired", "not yet valid"],
)
def test_a_certificate_that_is_not_valid_now_is_a_warning(begin: int, end: int, problem: str, tmp_path: Path) -> None:
    """The warning names the day, and can be acknowledged by its id."""
    signing = custom(ecdsa(), pem_of(ec_key(), begin=begin, end=end))
    made = bind(tmp_path, signing)
    (warning,) = warnings(made)
    assert re.search(rf"the certificate of the signer {problem}.*\[ack: cdk-iot-ota:certificate-validity\]", warning)
    made = bind(tmp_path, signing)
    Annotations.of(made).acknowledge_warning("cdk-iot-ota:certificate-validity")
    assert warnings(made) == []


def test_a_valid_certificate_is_no_warning(tmp_path: Path) -> None:
    """A signature that is verified adds neither a warning nor a remark."""
    made = bind(tmp_path, custom(ecdsa(), ec_certificate()))
    assert warnings(made) == []
    assert assertions.Annotations.from_stack(made).find_info("*", assertions.Match.any_value()) == []


def test_an_image_that_is_not_here_is_not_verified() -> None:
    """A signature of an object in S3 or of a file in a stream passes, with a remark that it is not verified."""
    made = stack()
    bucket = s3.Bucket.from_bucket_name(made, "Bucket", "firmware")
    signing = custom(ecdsa(b"unknown"), ec_certificate())
    files = [
        ota_file(FileLocation.from_bucket(bucket, "a.bin"), signing=signing),
        ota_file(FileLocation.from_stream("s", 0), name="/b", signing=signing),
    ]
    BoundFile.bind_all(made, files)
    found = assertions.Annotations.from_stack(made).find_info("*", assertions.Match.any_value())
    assert len(found) == 2
    assert all("is not verified at synth" in str(one.entry.data) for one in found)


def test_tokens_in_other_arguments_do_not_matter(tmp_path: Path) -> None:
    """A signature is verified if names and version are known at deploy time only, and whatever the protocol is."""
    late = Fn.import_value("late")
    image = tmp_path / "blinky.bin"
    image.write_bytes(IMAGE)
    for signature, error in ((ecdsa(), None), (ecdsa(b"old"), "must match image")):
        signing = CodeSigning.custom(
            signature=signature,
            hash_algorithm=SHA256,
            signature_algorithm=SignatureAlgorithm.ECDSA,
            certificate_name=late,
            certificate_chain=late,
            certificate=ec_certificate(),
        )
        file = OtaFile(name=late, location=FileLocation.from_asset(image), signing=signing, version=late)
        with pytest.raises(ValueError, match=error) if error else nullcontext():
            BoundFile.bind_all(stack(), [file])


def test_another_kind_of_key_is_refused() -> None:
    """A certificate with a key that AWS IoT has no algorithm for is refused."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from cryptography.hazmat.primitives.serialization import Encoding

    other, signer = ed25519.Ed25519PrivateKey.generate(), certificate(ec_key())
    builder = x509.CertificateBuilder(signer.subject, signer.subject, other.public_key(), 1)
    made = builder.not_valid_before(signer.not_valid_before_utc).not_valid_after(signer.not_valid_after_utc)
    with pytest.raises(ValueError, match=r"^certificate must have a key for ECDSA, got another one: give"):
        custom(SIGNATURE, made.sign(other, None).public_bytes(Encoding.PEM))


_WITHOUT = """
import sys
import cdk_iot_ota as ota

assert "cryptography" not in sys.modules
sys.modules["cryptography"] = None
options = dict(hash_algorithm=ota.HashAlgorithm.SHA256, signature_algorithm=ota.SignatureAlgorithm.ECDSA)
options |= dict(signature=bytes.fromhex(sys.argv[1]), certificate_name="/signer.pem")
ota.CodeSigning.custom(**options)
try:
    ota.CodeSigning.custom(**options, certificate=b"x")
except ImportError as error:
    print(error)
"""


def test_the_package_for_it_is_optional() -> None:
    """The library does not import `cryptography`, and without it a certificate is refused with the command to run."""
    run = [sys.executable, "-c", _WITHOUT, SIGNATURE.hex()]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert "needs the package cryptography" in done.stdout
    assert "run pip install 'cdk-iot-ota[verify]', or leave certificate out" in done.stdout
