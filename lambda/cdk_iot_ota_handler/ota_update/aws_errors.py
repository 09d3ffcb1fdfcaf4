"""Errors of botocore, classified as retryable, retryable for a while, or fatal, in the words of the service."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.parsers import ResponseParserError

from .errors import AccessDeniedError, AlreadyExistsError, FatalError, RetryableError
from .observed import ABOUT_ACCESS

_RETRYABLE = {
    "InternalFailure",
    "InternalFailureException",
    "InternalServerError",
    "LimitExceededException",  # ten deletions at a time, some creations a second
    "RequestTimeout",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "VersionConflictException",  # another caller is changing the update
}
_ACCESS_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedException"}


@contextmanager
def classify_errors(subject: str, *, creating: bool = False, final: str = "") -> Iterator[None]:
    """Turn errors of botocore into errors of this package, in the service's words and with their subject.

    ``creating``: for CreateOTAUpdate. ``final``: an error code that is fatal for this call.
    """
    try:
        yield
    except ParamValidationError as error:
        raise FatalError(f"{subject}: {error}") from None
    except ClientError as error:
        raise _classified(error, subject, creating, final) from error
    except (BotoCoreError, OSError) as error:
        raise RetryableError(f"{subject}: {error}") from error
    except (AttributeError, LookupError, ResponseParserError, ValueError) as error:
        # Not an answer of the service: it was cut short on the way, or comes from something in between.
        raise RetryableError(f"{subject}: unreadable answer: {error!r}") from error


def _classified(error: ClientError, subject: str, creating: bool, final: str) -> Exception:
    details = error.response.get("Error", {})
    code = details.get("Code", "")
    message = f"{subject}: {code}: {details.get('Message', '')}"
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if creating and code == "ResourceAlreadyExistsException":
        return AlreadyExistsError(message)
    if code == final:
        return FatalError(message)
    if code in _RETRYABLE or status == 429 or status >= 500:
        return RetryableError(message)
    if code in _ACCESS_DENIED or status == 403:
        return AccessDeniedError(message)
    # A role that has not propagated in IAM yet makes the request invalid, not unauthorized.
    if creating and code == "InvalidRequestException" and ABOUT_ACCESS.search(message):
        return AccessDeniedError(message)
    return FatalError(message)
