"""Errors of the OTA service: what a call answers, and what an update ends with."""

from __future__ import annotations


class ServiceError(Exception):
    """An error answer of the API: code, message and HTTP status."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


class WorkFailed(Exception):
    """Why the asynchronous work on an update failed; it becomes the update's errorInfo.

    `code` and `message` are None for a failure that says nothing, as AWS allows.
    """

    def __init__(self, code: str | None, message: str | None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message

    @property
    def error_info(self) -> dict[str, str] | None:
        """The `errorInfo` member, or None."""
        return None if self.code is None else {"code": self.code, "message": self.message or ""}


def passed_on(source: str, service: str, status: int, code: str, message: str) -> WorkFailed:
    """The words of another service, in the form in which AWS IoT passes them on."""
    return WorkFailed(source, f"{message} (Service: {service}; Status Code: {status}; Error Code: {code})")


def invalid_request(message: str) -> ServiceError:
    """An InvalidRequestException."""
    return ServiceError("InvalidRequestException", message, 400)


def not_found(message: str) -> ServiceError:
    """A ResourceNotFoundException."""
    return ServiceError("ResourceNotFoundException", message, 404)


def already_exists(message: str) -> ServiceError:
    """A ResourceAlreadyExistsException."""
    return ServiceError("ResourceAlreadyExistsException", message, 409)


def limit_exceeded(message: str) -> ServiceError:
    """A LimitExceededException."""
    return ServiceError("LimitExceededException", message, 410)


def throttled() -> ServiceError:
    """A ThrottlingException."""
    return ServiceError("ThrottlingException", "Rate exceeded", 429)
