"""Errors of the OTA service: the answer to a call, and the errorInfo of an update."""

from __future__ import annotations


class ServiceError(Exception):
    """An error answer of the API: code, message and HTTP status."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


class WorkError(Exception):
    """A failure of the asynchronous work on an update; it becomes the update's errorInfo.

    `code` and `message` are None for a failure without an errorInfo, as AWS allows.
    """

    def __init__(self, code: str | None, message: str | None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message

    @property
    def error_info(self) -> dict[str, str] | None:
        """The `errorInfo` member, or None."""
        return None if self.code is None else {"code": self.code, "message": self.message or ""}


def passed_on(source: str, service: str, status: int, code: str, message: str) -> WorkError:
    """Return the error of another service in the form in which AWS IoT passes it on."""
    return WorkError(source, f"{message} (Service: {service}; Status Code: {status}; Error Code: {code})")


def invalid_request(message: str) -> ServiceError:
    """Return an InvalidRequestException."""
    return ServiceError("InvalidRequestException", message, 400)


def not_found(message: str) -> ServiceError:
    """Return a ResourceNotFoundException."""
    return ServiceError("ResourceNotFoundException", message, 404)


def already_exists(message: str) -> ServiceError:
    """Return a ResourceAlreadyExistsException."""
    return ServiceError("ResourceAlreadyExistsException", message, 409)


def limit_exceeded(message: str) -> ServiceError:
    """Return a LimitExceededException."""
    return ServiceError("LimitExceededException", message, 410)


def throttled() -> ServiceError:
    """Return a ThrottlingException."""
    return ServiceError("ThrottlingException", "Rate exceeded", 429)
