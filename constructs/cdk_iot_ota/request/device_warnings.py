"""Warnings at synth about what AWS IoT accepts and devices do not take, and about numbers of gates that fit no fleet.

The limits are those of AWS's agents and SDKs for devices with default settings. Devices may be built otherwise, so none
of this is an error, and each warning can be acknowledged by its id.
"""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Annotations
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import limits

from .._synth import checks, tokens
from .ota_file import BoundFile
from .signing_profile import SigningPlatform

# The agent keeps 128 bytes with one bit for each block.
_FILE_BYTES = 128 * 8 * 4096
_PATH_BYTES = 259
_SIGNATURE_BYTES = 384
_SHOWN_FILES = 3


class SharesFiles(Construct):
    """A construct whose updates send the same files: it gets the warnings about them, each once."""


def warn(scope: Construct, properties: Mapping[str, Any], bound: Sequence[BoundFile], *, has_timeout: bool) -> None:
    """Add the warnings about an update, each once, to a construct.

    :param properties: the rendered properties of the update.
    :param bound: the files in them.
    :param has_timeout: whether ``in_progress_timeout`` is declared. Its default is beyond every gate, on purpose.
    """
    request = properties["Request"]
    files = [
        _File(f"files[{index}]", rendered, file.object.size if file.object else None)
        for index, (rendered, file) in enumerate(zip(request["files"], bound, strict=True))
    ]
    found = [
        *_several_files(files),
        *(_in_progress_timeout(request["awsJobTimeoutConfig"], properties.get("Gate")) if has_timeout else []),
        *_success_percentage(properties.get("Gate")),
        *(message for rule in _RULES for message in rule.messages(files)),
        *(_HTTP_TYPE.messages(files) if "HTTP" in request.get("protocols", []) else []),
    ]
    for name, message in found:
        Annotations.of(scope).add_warning_v2(f"cdk-iot-ota:{name}", message)


@dataclass(frozen=True)
class _File:
    """A rendered file; its size in bytes, if it is a local one."""

    path: str
    rendered: Mapping[str, Any]
    size: int | None

    @property
    def name(self) -> str | None:
        """Its path on the device, if synth knows it."""
        name = self.rendered["fileName"]
        return name if checks.known(name) else None

    @property
    def signature(self) -> tuple[int, str, str]:
        """The length of its signature, the hash and the algorithm; 0 and empty if synth does not know them."""
        signing = self.rendered.get("codeSigning", {})
        if (custom := signing.get("customCodeSigning")) is not None:
            # Base64 of the base64 that devices expect.
            raw = base64.b64decode(base64.b64decode(custom["signature"]["inlineDocument"]))
            return 0 if tokens.is_dummy(raw) else len(raw), custom["hashAlgorithm"], custom["signatureAlgorithm"]
        platform = signing.get("startSigningJobParameter", {}).get("signingProfileParameter", {}).get("platform")
        return (0, "SHA1", "RSA") if platform == SigningPlatform.AMAZON_FREERTOS_TI_CC3220SF.value else (0, "", "")


@dataclass(frozen=True)
class _Rule:
    """A limit of devices on a file.

    :param id: the warning's id, without the library's name.
    :param limit: what devices take, in front of the files that exceed it.
    :param remedy: what to do, behind them.
    :param excess: returns what exceeds the limit, or None.
    """

    id: str
    limit: str
    remedy: str
    excess: Callable[[_File], str | None]

    def messages(self, files: Sequence[_File]) -> Iterator[tuple[str, str]]:
        """Yield the id and one message about all files that exceed the limit, if any."""
        shown = [
            f"{limits.shown(file.name) if file.name else file.path} ({excess})"
            for file in files
            if (excess := self.excess(file)) is not None
        ]
        if shown:
            more = f" and {len(shown) - _SHOWN_FILES} more" if len(shown) > _SHOWN_FILES else ""
            yield self.id, f"{self.limit}, got {', '.join(shown[:_SHOWN_FILES])}{more}: {self.remedy}"


def _several_files(files: Sequence[_File]) -> Iterator[tuple[str, str]]:
    if len(files) > 1:
        message = (
            f"agents download, verify and activate only the first file of an update, got {len(files)}: declare an "
            "update for each file, since a gate passes with the others missing"
        )
        yield "several-files", message


def _in_progress_timeout(job: Mapping[str, Any], gate: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    silent, waits = job["inProgressTimeoutInMinutes"], None if gate is None else gate["TimeoutInMinutes"]
    if waits is not None and checks.known(silent) and checks.known(waits) and silent > waits:
        message = (
            f"in_progress_timeout should be at most the gate's timeout of {waits} minutes, got {silent}: shorten it, "
            "since a device may be silent for longer than the gate waits"
        )
        yield "in-progress-timeout", message


def _success_percentage(gate: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    wanted = None if gate is None else gate["SuccessPercentage"]
    if wanted is not None and checks.known(wanted) and wanted < 1:
        message = (
            f"success_percentage is in percent, got {wanted:g}, which one device of a hundred fulfils: write "
            f"{100 * wanted:g} if that is the share of the devices that must succeed"
        )
        yield "success-percentage", message


def _size(file: _File) -> str | None:
    return f"{file.size} bytes" if file.size is not None and file.size > _FILE_BYTES else None


def _path(file: _File) -> str | None:
    name = file.name or ""
    if (size := len(name.encode())) > _PATH_BYTES:
        return f"{size} bytes"
    return next((f"with {sign}" for sign in '"\\' if sign in name), None)


def _long_signature(file: _File) -> str | None:
    length, _, _ = file.signature
    return f"{length} bytes" if length > _SIGNATURE_BYTES else None


def _sha1(file: _File) -> str | None:
    _, hashed, _ = file.signature
    return "SHA1" if hashed == "SHA1" else None


def _rsa(file: _File) -> str | None:
    """Return RSA, unless another warning implies it: SHA1 does, and so does a length that only RSA has.

    Not the other way round: this one is acknowledged for devices with RSA, whose buffers have the same length.
    """
    length, hashed, algorithm = file.signature
    return "RSA" if algorithm == "RSA" and hashed != "SHA1" and length <= _SIGNATURE_BYTES else None


_RULES = (
    _Rule(
        "large-file",
        f"devices with default settings take files of at most {_FILE_BYTES} bytes and never report on larger ones",
        "make it smaller, or build the devices for more or larger blocks",
        _size,
    ),
    _Rule(
        "device-path",
        f'devices take paths of at most {_PATH_BYTES} bytes, and save one with " or \\ under another name',
        "choose another name",
        _path,
    ),
    _Rule(
        "long-signature",
        f"agents take signatures of at most {_SIGNATURE_BYTES} bytes",
        "sign with ECDSA, or build the devices for longer ones",
        _long_signature,
    ),
    _Rule(
        "sha1-signature",
        "SHA1 can be forged, and the Jobs parser of AWS's SDK knows SHA256 with ECDSA only",
        "sign with SHA256 and ECDSA, unless the devices verify SHA1 only",
        _sha1,
    ),
    _Rule(
        "rsa-signature",
        "the Jobs parser of AWS's SDK knows SHA256 with ECDSA only",
        "sign with ECDSA, or build the devices for RSA",
        _rsa,
    ),
)
_HTTP_TYPE = _Rule(
    "http-without-type",
    "the Jobs SDK before 2.0.0 takes no file over HTTP without its type",
    "give OtaFile a type, such as 0",
    lambda file: None if "fileType" in file.rendered else "no type",
)
