"""The error answers of AWS IoT and S3 that faults put in place of the real ones."""

from __future__ import annotations

import json

# kind -> (code, message, status)
_IOT = {
    "throttle": ("ThrottlingException", "Rate exceeded", 429),
    "error_500": ("InternalFailureException", "An unexpected error has occurred.", 500),
    "error_503": ("ServiceUnavailableException", "The service is temporarily unavailable.", 503),
}
_S3 = {
    "throttle": ("SlowDown", "Please reduce your request rate.", 503),
    "error_500": ("InternalError", "We encountered an internal error. Please try again.", 500),
    "error_503": ("ServiceUnavailable", "Reduce your request rate.", 503),
}


def fault_answer(kind: str, service: str, method: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an error answer."""
    if service == "s3":
        code, message, status = _S3[kind]
        body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
        return status, {"content-type": "application/xml"}, b"" if method == "HEAD" else body.encode()
    code, message, status = _IOT[kind]
    headers = {"content-type": "application/json", "x-amzn-errortype": code}
    return status, headers, json.dumps({"message": message}).encode()
