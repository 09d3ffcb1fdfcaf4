"""Simulated devices accept and refuse what the agents of real devices do."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from cdk_iot_ota_local import CLASSIC, MODULAR, TAKES_ALL, LocalAwsError, Profile
from cdk_iot_ota_local.devices import report
from cdk_iot_ota_local.devices.document import JobFile, read_document
from cdk_iot_ota_local.devices.image import Firmware, Image, find_version, version_problem
from cdk_iot_ota_local.devices.problem import Cause, Problem
from cdk_iot_ota_local.devices.signature import Certificate, Certificates
from tests.signing_key import certificate, sign

CONTENT = b"blinky 1.4.2\n" + bytes(100)
FILE: dict[str, Any] = {
    "filepath": "/firmware/blinky.bin",
    "filesize": len(CONTENT),
    "fileid": 0,
    "certfile": "/signer.pem",
    "update_data_url": None,
    "auth_scheme": None,
    "sig-sha256-ecdsa": base64.b64encode(sign(CONTENT)).decode(),
}
UNSIGNED = {name: value for name, value in FILE.items() if not name.startswith("sig-")}
TEXT = FILE["sig-sha256-ecdsa"]


def read(*files: dict[str, Any], profile: Profile = CLASSIC, **job: Any) -> tuple[JobFile, ...] | Problem:
    """Let an agent read a job document."""
    job = {"protocols": ["MQTT"], "streamname": "stream", **job}
    return read_document(json.dumps({"afr_ota": {**job, "files": list(files)}}, ensure_ascii=False), profile)


def only(files: tuple[JobFile, ...] | Problem) -> JobFile:
    """Return the one file that an agent takes."""
    assert not isinstance(files, Problem), files
    (file,) = files
    return file


def verdict(
    signature: bytes, *, member: str = "sig-sha256-ecdsa", profile: Profile = CLASSIC, with_certificate: Any = None
) -> Problem | None:
    """Let a device load and verify the content with this signature."""
    file = {**UNSIGNED, member: base64.b64encode(signature).decode()}
    found = read(file, profile=profile)
    if isinstance(found, Problem):
        return found
    return Certificates(with_certificate or certificate()).problem(Image(CONTENT), only(found))


def self_signed(key: Any) -> bytes:
    """Return a certificate in PEM."""
    name, now = x509.Name([]), datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("profile", [CLASSIC, MODULAR, TAKES_ALL], ids=lambda profile: str(profile.name))
@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP521R1()], ids=["P-256", "P-521"])
def test_openssl_signature(profile: Profile, curve: ec.EllipticCurve) -> None:
    """Every agent accepts a signature as `openssl dgst -sha256 -sign` writes it, of any common curve."""
    key = ec.generate_private_key(curve)
    signature = key.sign(CONTENT, ec.ECDSA(hashes.SHA256()))
    assert verdict(signature, profile=profile, with_certificate=self_signed(key)) is None


def jose(signature: bytes) -> bytes:
    """Return a signature as two numbers of 32 bytes."""
    return b"".join(number.to_bytes(32, "big") for number in utils.decode_dss_signature(signature))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (jose, "64 bytes are not one DER sequence"),
        (lambda _: certificate(), "not one DER sequence"),
        (lambda signature: signature.hex().encode("utf-16"), "not one DER sequence"),
        (lambda signature: signature + b"\n", "not one DER sequence"),
        (base64.b64encode, "not one DER sequence"),
        (lambda _: sign(b"other"), "another key or other bytes were signed"),
        (lambda _: ec.generate_private_key(ec.SECP256R1()).sign(CONTENT, ec.ECDSA(hashes.SHA256())), "another key"),
    ],
    ids=["jose", "certificate", "utf-16", "newline", "twice-base64", "other-image", "other-key"],
)
def test_signatures_that_fail_on_devices(wrong: Callable[[bytes], bytes], reason: str) -> None:
    """A signature in another format, or of other bytes or another key, fails the signature check."""
    # The certificate has more bytes than the buffer of AWS's agent.
    profile = dataclasses.replace(CLASSIC, maximum_signature_bytes=None)
    problem = verdict(wrong(sign(CONTENT)), profile=profile)
    assert problem is not None
    assert (problem.cause, reason in problem.text) == (Cause.SIGNATURE, True), problem.text
    assert report.refused(problem, CLASSIC) == ("FAILED", {"reason": "0x000000e3: 0x00000000"})


def test_rsa() -> None:
    """An agent rejects RSA unless it is built for it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signature = key.sign(CONTENT, padding.PKCS1v15(), hashes.SHA256())

    def with_rsa(profile: Profile, **options: Any) -> Problem | None:
        return verdict(
            signature, member="sig-sha256-rsa", profile=profile, with_certificate=self_signed(key), **options
        )

    missing = "the signature must be sig-sha256-ecdsa, got sig-sha256-rsa"
    assert with_rsa(CLASSIC) == Problem(Cause.SIGNATURE, missing)
    assert with_rsa(MODULAR) == Problem(Cause.DOCUMENT, missing)
    assert with_rsa(TAKES_ALL) is None
    assert with_rsa(dataclasses.replace(CLASSIC, signature_members=("sig-sha256-rsa",))) is None
    problem = verdict(signature, member="sig-sha256-rsa", profile=TAKES_ALL)
    assert problem is not None
    assert problem.cause is Cause.SIGNATURE


def test_unsigned_files() -> None:
    """No agent installs an unsigned file: a parser rejects the job, AWS's agent fails the signature check."""
    rejected = read(UNSIGNED, profile=MODULAR)
    assert rejected == Problem(Cause.DOCUMENT, "the file is not signed")
    assert isinstance(rejected, Problem)
    assert report.refused(rejected, MODULAR) == ("REJECTED", {"reason": "the file is not signed"})
    assert isinstance(read(UNSIGNED, profile=TAKES_ALL), Problem)
    problem = Certificates(certificate()).problem(Image(CONTENT), only(read(UNSIGNED)))
    assert problem == Problem(Cause.SIGNATURE, "the file is not signed")


@pytest.mark.parametrize(("size", "reads"), [(384, True), (385, False), (512, False)])
def test_long_signatures(size: int, reads: bool) -> None:
    """A signature over 384 bytes, such as one of RSA-4096, does not fit into the buffer of AWS's agent."""
    file = {**UNSIGNED, "sig-sha256-ecdsa": base64.b64encode(bytes(size)).decode()}
    found = read(file)
    assert isinstance(found, Problem) is not reads
    if isinstance(found, Problem):
        assert report.refused(found, CLASSIC) == ("FAILED", {"reason": "0x0000000c: 0x00000004"})


def test_only_the_first_file_is_taken() -> None:
    """An agent loads the first of many files, and one that takes all loads all."""
    files = [{**FILE, "fileid": number, "filepath": f"/{number}"} for number in range(3)]
    assert only(read(*files)).path == "/0"
    assert only(read(*files, profile=MODULAR)).path == "/0"
    taken = read(*files, profile=TAKES_ALL)
    assert not isinstance(taken, Problem)
    assert [(file.file_id, file.path) for file in taken] == [(0, "/0"), (1, "/1"), (2, "/2")]


MEBIBYTES_4 = 4 * 1024 * 1024
URL = "http://127.0.0.1/bucket/key?"


@pytest.mark.parametrize(
    ("fits", "changes"),
    [
        (True, {"filesize": MEBIBYTES_4}),
        (False, {"filesize": MEBIBYTES_4 + 1}),
        (True, {"update_data_url": URL.ljust(1500, "x")}),
        (False, {"update_data_url": URL.ljust(1501, "x")}),
        (True, {"attribute": "x" * 5000}),
        (False, {"attribute": "x" * 5600}),
    ],
    ids=["4-MiB", "over-4-MiB", "long-url", "longer-url", "long-document", "longer-document"],
)
def test_what_does_not_fit_is_never_reported(fits: bool, changes: dict[str, Any]) -> None:
    """AWS's agent does not report on a job with a file, a URL or a document that is too large for it."""
    found = read({**FILE, **changes})
    assert isinstance(found, Problem) is not fits
    if isinstance(found, Problem):
        assert not found.is_reported
    assert only(read({**FILE, **changes}, profile=TAKES_ALL))


def test_the_parser_has_a_smaller_buffer() -> None:
    """A document that AWS's agent reads can be too long for an application with the buffer of AWS's MQTT demo."""
    file = {**FILE, "attribute": "x" * 4200}
    assert only(read(file))
    problem = read(file, profile=MODULAR)
    assert isinstance(problem, Problem)
    assert "the job document must have at most 4,200 bytes for the modular agent, got 4," in problem.text


def test_paths() -> None:
    """A path has at most 259 bytes, and is saved as it is escaped in the document."""
    assert only(read({**FILE, "filepath": "ä" * 129})).path == "ä" * 129
    long = read({**FILE, "filepath": "ä" * 130})
    assert long == Problem(Cause.DOCUMENT, "filepath must have at most 259 bytes, got 260")
    assert isinstance(long, Problem)
    assert report.refused(long, CLASSIC)[0] == "FAILED"
    assert only(read({**FILE, "filepath": "ä" * 130}, profile=MODULAR))
    assert only(read({**FILE, "filepath": '/a "b"\\c'})).path == '/a \\"b\\"\\\\c'


@pytest.mark.parametrize(
    ("changes", "cause", "text"),
    [
        ({"filepath": None}, Cause.DOCUMENT, "filepath is missing"),
        ({"filesize": None}, Cause.DOCUMENT, "filesize must be a whole number, got None"),
        ({"filesize": 0}, Cause.EMPTY_FILE, "filesize is 0"),
        ({"fileid": "0"}, Cause.DOCUMENT, "fileid must be a whole number, got '0'"),
        ({"sig-sha256-ecdsa": "%"}, Cause.DOCUMENT, "the signature is not base64"),
        ({"sig-sha256-ecdsa": None}, Cause.DOCUMENT, "the signature is not base64"),
    ],
)
def test_files_that_an_agent_cannot_read(changes: dict[str, Any], cause: Cause, text: str) -> None:
    """An agent names each problem with a file of a job document."""
    assert read({**FILE, **changes}) == Problem(cause, text)


def test_documents_that_an_agent_cannot_read() -> None:
    """An agent refuses a document without files, protocol or source, and the parser one without a certificate."""
    assert read_document("{}", CLASSIC) == Problem(Cause.DOCUMENT, "the job document has no afr_ota member with files")
    assert read() == Problem(Cause.DOCUMENT, "the job document has no files")
    assert read(FILE, streamname=None) == Problem(Cause.DOCUMENT, "streamname is missing")
    assert read(FILE, protocols=["HTTP"]) == Problem(Cause.DOCUMENT, "update_data_url is missing")
    assert read(FILE, protocols=[]) == Problem(Cause.PROTOCOL, "protocols must have MQTT or HTTP, got []")
    without = {name: value for name, value in FILE.items() if name != "certfile"}
    assert read(without, profile=MODULAR) == Problem(Cause.DOCUMENT, "certfile is missing")
    assert only(read(without)).certificate == ""
    assert only(read({**FILE, "certfile": None}, profile=MODULAR)).certificate == ""


def test_the_first_protocol_of_the_document_is_taken() -> None:
    """An agent of both protocols takes the first of the document, and one of a single protocol takes that."""
    file = {**FILE, "update_data_url": URL}
    assert only(read(file, protocols=["HTTP", "MQTT"])).url == URL
    assert only(read(file, protocols=["MQTT", "HTTP"])).stream == "stream"
    over_http = dataclasses.replace(CLASSIC, protocols=("HTTP",))
    assert only(read(file, protocols=["MQTT", "HTTP"], profile=over_http)).url == URL


def test_a_short_image() -> None:
    """A device refuses an image that is smaller than the job document announces."""
    problem = Certificates(certificate()).problem(Image(CONTENT[:-1]), only(read(FILE)))
    assert problem == Problem(
        Cause.DOWNLOAD, f"the job document announces {len(CONTENT)} bytes, got {len(CONTENT) - 1}"
    )


def test_certificates(tmp_path: Path) -> None:
    """A certificate is given in PEM or by its path, for all names or by name; a device without one installs nothing."""
    path = tmp_path / "signer.pem"
    path.write_bytes(certificate())
    file, image = only(read(FILE)), Image(CONTENT)
    given: tuple[Certificate, ...] = (certificate(), certificate().decode(), path, str(path))
    assert [Certificates(one).problem(image, file) for one in given] == [None] * 4
    assert Certificates({"/signer.pem": path, "/other.pem": path}).problem(image, file) is None
    for certificates in (Certificates(None), Certificates({"/other.pem": path})):
        problem = certificates.problem(image, file)
        assert problem is not None
        assert "the device has no certificate '/signer.pem': pass it to Fleet" in problem.text
        assert report.refused(problem, CLASSIC) == ("FAILED", {"reason": "0x000000e7: 0x00000000"})


def test_what_is_no_certificate(tmp_path: Path) -> None:
    """An error names the argument and a wrong path, but not the content of what may be a private key."""
    with pytest.raises(
        LocalAwsError, match=r"^certificate must be a certificate in PEM or a path to one, got '.*x.pem'"
    ):
        Certificates(tmp_path / "x.pem")
    with pytest.raises(LocalAwsError, match=r"^certificate\['/a'\] must be .*, got other content: ") as error:
        Certificates({"/a": b"-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n"})
    assert "MHcC" not in str(error.value)


def running(version: tuple[int, int, int] | None, content: str = "old") -> Firmware:
    """Return firmware that a device runs."""
    return Firmware(path="/f", digest=content.encode(), version=version)


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (running((1, 5, 0), "new"), None),
        (running((1, 4, 2), "new"), "rejected: 0x00000010"),
        (running((1, 4, 1), "new"), "rejected: 0x0000000f"),
        (running(None, "new"), None),
        (running(None, "old"), "rejected: 0x00000010"),
    ],
    ids=["newer", "same", "older", "unknown", "same-bytes"],
)
def test_firmware_must_be_newer(new: Firmware, reason: str | None) -> None:
    """A device refuses firmware that is not newer than what it runs, unless its agent allows a downgrade."""
    old = running((1, 4, 2))
    problem = version_problem(new, old, CLASSIC)
    assert (problem is None) is (reason is None)
    assert version_problem(new, None, CLASSIC) is None
    assert version_problem(new, old, TAKES_ALL) is None
    assert version_problem(new, old, dataclasses.replace(CLASSIC, allows_downgrade=True)) is None
    if problem:
        assert report.refused(problem, CLASSIC) == ("FAILED", {"reason": reason})


def test_version_of_an_image() -> None:
    """The version is the first in the first 64 bytes."""
    assert find_version(CONTENT) == (1, 4, 2)
    assert find_version(b"blinky") is None
    assert find_version(bytes(64) + b"1.4.2") is None


def test_words_of_an_agent() -> None:
    """AWS's agent reports blocks, the states of its self-test and both versions, and the type of other files."""
    file = only(read({**FILE, "filesize": 16_397}))
    old, new = running((1, 0, 3)), running((1, 4, 2), "new")
    assert report.receiving(file, CLASSIC) == {"receive": "1/5"}
    assert report.self_test("ready", old) == {"self_test": "ready", "updatedBy": "0x01000003"}
    assert report.self_test("active", new) == {"self_test": "active", "updatedBy": "0x01040002"}
    assert report.accepted(file, new, old, CLASSIC) == {"reason": "accepted  v1.4.2", "updatedBy": "  v1.0.3"}
    assert report.accepted(file, new, None, CLASSIC)["updatedBy"] == "  v0.0.0"
    other = only(read({**FILE, "fileType": 7}))
    assert report.accepted(other, new, old, CLASSIC)["reason"] == "accepted  v0.0.7"
    assert (report.receiving(file, MODULAR), report.accepted(file, new, old, MODULAR)) == ({}, {})
