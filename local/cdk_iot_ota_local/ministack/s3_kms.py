"""Keys of KMS behind objects in S3: who reads an object that is encrypted with a key must be allowed to use it."""

from __future__ import annotations

from typing import Any

from .emulator import Emulator

_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"


def key_arn(emulator: Emulator, headers: dict[str, str]) -> str | None:
    """The key that the headers of an object or of a bucket's default encryption name; None if there is none."""
    named = headers.get(_HEADER)
    if not named:
        return None
    known = emulator.kms._resolve_key(named)
    if known is not None:
        return str(known["Arn"])
    return named if named.startswith("arn:") else f"arn:aws:kms:{emulator.region()}:{emulator.account()}:key/{named}"


def via_s3(emulator: Emulator) -> str:
    """The value of `kms:ViaService` where S3 uses a key in somebody's name."""
    return f"s3.{emulator.region()}.amazonaws.com"


def check_reads(emulator: Emulator) -> None:
    """Let GetObject and HeadObject need what the emulator does not ask a caller for."""
    actions = emulator.iam_actions
    checks, resources = actions.s3_additional_checks, actions.s3_access_point_resources

    def additional(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        return [*checks(method, path, headers, body, query), *_reading(emulator, method, path, query)]

    def located(resource_arn: str) -> Any:
        if resource_arn.startswith("arn:aws:kms:"):
            return [(resource_arn, {"kms:ViaService": via_s3(emulator)})]
        return resources(resource_arn)

    actions.s3_additional_checks, actions.s3_access_point_resources = additional, located


def _reading(emulator: Emulator, method: str, path: str, query: dict[str, Any]) -> list[tuple[str, str]]:
    """What reading an object needs beside the right to read it: (action, resource)."""
    bucket, _, key = path.lstrip("/").partition("/")
    if method not in ("GET", "HEAD") or not key or set(query) - {"versionId"}:
        return []
    status, headers, _ = emulator.s3._head_object(bucket, key, {}, query)
    if status == 404:
        # Who may not list a bucket is not told what is missing in it.
        return [("s3:ListBucketVersions" if "versionId" in query else "s3:ListBucket", f"arn:aws:s3:::{bucket}")]
    used = key_arn(emulator, headers)
    return [("kms:Decrypt", used)] if used else []
