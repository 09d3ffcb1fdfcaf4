"""Load files of MQTT streams."""

from __future__ import annotations

from ..account import Account
from .document import JobFile
from .download import StreamLoader


def load_stream(aws: Account) -> StreamLoader:
    """Interim: read the stream's object from S3."""

    def load(thing: str, file: JobFile) -> bytes:
        info = aws.client("iot").describe_stream(streamId=file.stream)["streamInfo"]
        location = next(one["s3Location"] for one in info["files"] if one.get("fileId", 0) == file.file_id)
        version = {"VersionId": location["version"]} if location.get("version") else {}
        body = aws.client("s3").get_object(Bucket=location["bucket"], Key=location["key"], **version)["Body"]
        content: bytes = body.read(file.size)
        return content

    return load
