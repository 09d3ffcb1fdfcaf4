"""Errors as a client receives them."""

from botocore.exceptions import ClientError


def code(error: ClientError) -> tuple[str, int]:
    """Return the error code and the HTTP status."""
    answer = error.response
    return answer.get("Error", {}).get("Code", ""), answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
