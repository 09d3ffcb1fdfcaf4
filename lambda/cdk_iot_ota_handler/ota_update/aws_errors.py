"""Errors of botocore, sorted: what may pass, what may pass for a while, and what is final. In the service's words."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.parsers import ResponseParserError

from .errors import AccessDeniedError, AlreadyExistsError, FatalError, RetryableError
from .observed import ABOUT_ACCESS

_PASSING = {
    "InternalFailure",
    "InternalFailureException",
    "InternalServerError",
    "LimitExceededException",  # ten deletions at a time, some creations a second: both pass
    "RequestTimeout",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "VersionConflictException",  # somebody else changes the update right now
}
_NOT_AUTHORIZED = {"AccessDenied", "AccessDeniedException", "UnauthorizedException"}


@contextmanager
def classify_errors(subject: str, *, creating: bool = False, final: str = "") -> Iterator[None]:
    """Errors of botocore as errors of ours, in the service's words and with what they are about."""
    try:
        yield
    except ParamValidationError as error:
        raise FatalError(f"{subject}: {error}") from None
    except ClientError as error:
        raise _sorted_error(error, subject, creating, final) from error
    except (BotoCoreError, OSError) as error:
        raise RetryableError(f"{subject}: {error}") from error
    except (AttributeError, LookupError, ResponseParserError, ValueError) as error:
        # No answer of the service: something in between has cut it short, or has answered itself.
        raise RetryableError(f"{subject}: unreadable answer: {error!r}") from error


def _sorted_error(error: ClientError, subject: str, creating: bool, final: str) -> Exception:
    details = error.response.get("Error", {})
    code = details.get("Code", "")
    message = f"{subject}: {code}: {details.get('Message', '')}"
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if creating and code == "ResourceAlreadyExistsException":
        return AlreadyExistsError(message)
    if code == final:
        return FatalError(message)
    if code in _PASSING or status == 429 or status >= 500:
        return RetryableError(message)
    # A role that IAM has not spread yet makes the request invalid rather than unauthorized.
    if code in _NOT_AUTHORIZED or status == 403:
        return AccessDeniedError(message)
    if creating and code == "InvalidRequestException" and ABOUT_ACCESS.search(message):
        return AccessDeniedError(message)
    return FatalError(message)
