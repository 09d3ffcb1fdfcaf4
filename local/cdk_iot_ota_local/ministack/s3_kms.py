"""KMS keys of objects in S3: reading an encrypted object also requires permission to use its key."""

from __future__ import annotations

from typing import Any

from .emulator import Emulator

_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"


def key_arn(emulator: Emulator, headers: dict[str, str]) -> str | None:
    """Return the ARN of the key in the headers of an object or of a bucket's default encryption, if any."""
    named = headers.get(_HEADER)
    if not named:
        return None
    known = emulator.kms._resolve_key(named)
    if known is not None:
        return str(known["Arn"])
    return named if named.startswith("arn:") else f"arn:aws:kms:{emulator.region()}:{emulator.account()}:key/{named}"


def default_key_arn(emulator: Emulator, bucket: str) -> str | None:
    """Return the ARN of the key of a bucket's default encryption, if any."""
    return key_arn(emulator, emulator.s3._bucket_default_sse_headers(bucket))


def via_s3(emulator: Emulator) -> dict[str, str]:
    """Return the condition keys of a use of a key by S3 on behalf of its caller."""
    return {"kms:ViaService": f"s3.{emulator.region()}.amazonaws.com"}


def check_reads(emulator: Emulator) -> None:
    """Require for GetObject and HeadObject what ministack does not check."""
    actions = emulator.iam_actions
    checks, resources = actions.s3_additional_checks, actions.s3_access_point_resources

    def additional(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        return [*checks(method, path, headers, body, query), *_read_checks(emulator, method, path, query)]

    def located(resource_arn: str) -> Any:
        if resource_arn.startswith("arn:aws:kms:"):
            return [(resource_arn, via_s3(emulator))]
        return resources(resource_arn)

    actions.s3_additional_checks, actions.s3_access_point_resources = additional, located


def _read_checks(emulator: Emulator, method: str, path: str, query: dict[str, Any]) -> list[tuple[str, str]]:
    """Return each further (action, resource) that reading an object requires."""
    bucket, _, key = path.lstrip("/").partition("/")
    if method not in ("GET", "HEAD") or not key or set(query) - {"versionId"}:
        return []
    status, headers, _ = emulator.s3._head_object(bucket, key, {}, query)
    if status == 404:
        # S3 hides from callers who may not list a bucket that an object is missing.
        return [("s3:ListBucketVersions" if "versionId" in query else "s3:ListBucket", f"arn:aws:s3:::{bucket}")]
    used = key_arn(emulator, headers)
    return [("kms:Decrypt", used)] if used else []
