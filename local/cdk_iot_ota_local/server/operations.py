"""Identify the AWS operation of an HTTP request to the services that faults and recorded calls cover."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from ..ota.api_model import service_model

_SCOPE = re.compile(r"Credential=[^/,\s]+/\d{8}/[^/]+/([^/]+)/aws4_request")
_OTA_ID = re.compile(r"(?::otaupdate/|/otaUpdates/|AFR_OTA-)([a-zA-Z0-9_-]+)")
_ALARM_OPERATION = re.compile(r"\w+\.(\w*Alarm\w*)")
_S3_BUCKET = {"GET": "ListObjects", "HEAD": "HeadBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}
_S3_OBJECT = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}


@dataclass(frozen=True)
class Operation:
    """An operation of a service, and the OTA update or the first alarm that the request names, if any."""

    service: str
    name: str
    ota_update_id: str | None = None
    alarm: str | None = None


@functools.cache
def _routes(service: str) -> list[tuple[str, re.Pattern[str], str]]:
    """Return method, path pattern and operation, the most specific path first."""
    model = service_model(service)
    found = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        path = http["requestUri"].partition("?")[0]
        pattern = re.sub(r"\\{[^}]*?\\}", "[^/]+", re.escape(path))
        found.append((path.count("{"), http["method"], re.compile(pattern + "/?"), name))
    found.sort(key=lambda route: route[0])
    return [(method, pattern, name) for _, method, pattern, name in found]


def signed_service(authorization: str, query: str) -> str:
    """Return the service in the credential scope of a signed or presigned request, or an empty string."""
    if match := _SCOPE.search(authorization):
        return match.group(1)
    credential = parse_qs(query).get("X-Amz-Credential", [""])[0].split("/")
    return credential[3] if len(credential) == 5 else ""


def _iot_operation(method: str, path: str) -> str | None:
    for verb, pattern, name in _routes("iot"):
        if verb == method and pattern.fullmatch(path):
            return name
    return None


def _s3_operation(method: str, path: str) -> str | None:
    bucket, _, key = path.strip("/").partition("/")
    if not bucket:
        return "ListBuckets" if method == "GET" else None
    return (_S3_OBJECT if key else _S3_BUCKET).get(method)


def _ota_update_id(path: str, query: str, body: bytes) -> str | None:
    """Return the OTA update id in the path, in the queried ARN or in the body's resourceArn."""
    arn = parse_qs(query).get("resourceArn", [""])[0]
    if not arn and body[:1] == b"{":
        try:
            arn = str(json.loads(body).get("resourceArn", ""))
        except ValueError:
            arn = ""
    match = _OTA_ID.search(arn or path)
    return match.group(1) if match else None


def _alarm(body: bytes) -> str | None:
    """Return the first alarm that a request names."""
    try:
        request = json.loads(body)
    except ValueError:
        return None
    named = request.get("AlarmNames") or [request.get("AlarmName")]
    return None if named[0] is None else str(named[0])


def identify(method: str, path: str, authorization: str, query: str, body: bytes, target: str = "") -> Operation | None:
    """Return the operation of a request to AWS IoT or S3, or about alarms, or None for any other.

    target: the header that names the operation in the JSON protocol of CloudWatch, which boto3 speaks.
    """
    service = signed_service(authorization, query)
    if service == "iot" and (name := _iot_operation(method, path)):
        return Operation(service, name, _ota_update_id(path, query, body))
    if service == "s3" and (name := _s3_operation(method, path)):
        return Operation(service, name)
    if service == "monitoring" and (match := _ALARM_OPERATION.fullmatch(target)):
        return Operation(service, match.group(1), alarm=_alarm(body))
    return None
