"""What a client was answered."""

from botocore.exceptions import ClientError


def code(error: ClientError) -> tuple[str, int]:
    """The error code and the HTTP status."""
    answer = error.response
    return answer.get("Error", {}).get("Code", ""), answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
