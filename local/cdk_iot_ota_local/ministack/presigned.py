"""Presigned URLs in job documents, also of one version of an object."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .emulator import Emulator

_EXPIRES_SECONDS = 3600


def presign_versions(emulator: Emulator) -> None:
    """Replace the placeholders of a job document when a device asks for it.

    ministack presigns the newest version, whichever the URL in a placeholder names with `versionId`.
    """
    iot = emulator.iot

    def presigned_document(job: dict[str, Any]) -> str:
        document, config = str(job.get("document") or "{}"), job.get("presignedUrlConfig") or {}
        role, expires = config.get("roleArn"), int(config.get("expiresInSec") or _EXPIRES_SECONDS)
        if not role or not iot._iot_role_usable(role):
            return document

        def presigned(match: re.Match[str]) -> str:
            bucket, key = iot._job_document_s3_location(match["url"])
            if not (bucket and key):
                return match[0]
            name, session = iot._jobs_presign_session(role, expires)
            keys = Credentials(name, session["SecretAccessKey"], session["SessionToken"])
            version = {name: values[0] for name, values in parse_qs(urlsplit(match["url"]).query).items()}
            request = AWSRequest("GET", f"{os.environ['AWS_ENDPOINT_URL']}/{bucket}/{quote(key)}", params=version)
            S3SigV4QueryAuth(keys, "s3", emulator.region(), expires=expires).add_auth(request)
            return str(request.prepare().url)

        found: str = iot._JOB_PRESIGN_RE.sub(presigned, document)
        return found

    iot._jobs_presigned_document = presigned_document
