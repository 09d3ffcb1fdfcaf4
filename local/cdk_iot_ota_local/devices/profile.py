"""Limits and abilities of the OTA agents of real devices."""

from __future__ import annotations

from dataclasses import dataclass

ECDSA = "sig-sha256-ecdsa"


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The limits and abilities of an OTA agent.

    Make another one with `dataclasses.replace(CLASSIC, signature_members=("sig-sha256-rsa",))`.

    signature_members: the names of signatures in job documents that the agent knows, the preferred one first.
    protocols: the protocols that the agent can download with.
    required_members: the members that each file of a job document must have, if only as null.
    maximum_...: limits in bytes or characters; None for no limit. An agent never reports on a job whose document,
        presigned URL or file is over its limit, and the job stays QUEUED.
    takes_all_files: whether the agent loads every file of a job; if not, the first.
    allows_downgrade: whether firmware may be as old as what runs, or older.
    reports_codes: whether reports have the codes and states of AWS's OTA agent; if not, plain words.
    """

    name: str
    signature_members: tuple[str, ...] = (ECDSA,)
    protocols: tuple[str, ...] = ("MQTT", "HTTP")
    required_members: tuple[str, ...] = ("filesize", "fileid")
    maximum_document_bytes: int | None = None
    maximum_url_characters: int | None = None
    maximum_file_bytes: int | None = None
    maximum_path_characters: int | None = None
    maximum_signature_bytes: int | None = None
    takes_all_files: bool = False
    allows_downgrade: bool = False
    reports_codes: bool = False


# AWS's OTA agent (ota-for-aws-iot-embedded-sdk) with its default settings: 128 bytes of bitmap for blocks of 4,096
# bytes, and buffers as in AWS's demos.
CLASSIC = Profile(
    name="classic",
    maximum_document_bytes=5_600,
    maximum_url_characters=1_500,
    maximum_file_bytes=128 * 8 * 4_096,
    maximum_path_characters=259,
    maximum_signature_bytes=384,
    reports_codes=True,
)
# An application around the parser of Jobs-for-AWS-IoT-embedded-sdk, with the buffer of AWS's MQTT demo.
MODULAR = Profile(
    name="modular",
    required_members=("filesize", "fileid", "filepath", "certfile"),
    maximum_document_bytes=4_200,
    maximum_url_characters=1_500,
)
# An agent without limits that still verifies what it loads.
TAKES_ALL = Profile(
    name="takes all",
    signature_members=(ECDSA, "sig-sha256-rsa", "sig-sha1-ecdsa", "sig-sha1-rsa"),
    takes_all_files=True,
    allows_downgrade=True,
)
