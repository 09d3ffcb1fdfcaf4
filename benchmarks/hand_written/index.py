"""A plain handler for CDK's Provider framework: create, wait until created, delete."""

import contextlib
from typing import Any

import boto3

_iot: Any = boto3.client("iot")


def on_event(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Create the update of a Create or an Update, or delete that of a Delete."""
    if event["RequestType"] == "Delete":
        with contextlib.suppress(_iot.exceptions.ResourceNotFoundException):
            _iot.delete_ota_update(otaUpdateId=event["PhysicalResourceId"], deleteStream=True, forceDeleteAWSJob=True)
        return {"PhysicalResourceId": event["PhysicalResourceId"]}
    request = event["ResourceProperties"]["Request"]
    for file in request["files"]:
        signature = file["codeSigning"]["customCodeSigning"]["signature"]
        signature["inlineDocument"] = signature["inlineDocument"].encode()
    _iot.create_ota_update(**request)
    return {"PhysicalResourceId": request["otaUpdateId"]}


def is_complete(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return whether the update is created, or is gone. Raises RuntimeError if it has failed."""
    try:
        update = _iot.get_ota_update(otaUpdateId=event["PhysicalResourceId"])["otaUpdateInfo"]
    except _iot.exceptions.ResourceNotFoundException:
        if event["RequestType"] == "Delete":
            return {"IsComplete": True}
        raise
    if update["otaUpdateStatus"].endswith("FAILED"):
        raise RuntimeError(str(update.get("errorInfo", update["otaUpdateStatus"])))
    return {"IsComplete": event["RequestType"] != "Delete" and update["otaUpdateStatus"] == "CREATE_COMPLETE"}
