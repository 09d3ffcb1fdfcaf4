"""How a call or an event can fail: for good or for now, and the length of the message."""

# CloudFormation takes 4,096 bytes for the whole response, and the framework adds a stack trace.
LIMIT = 900


def shorten(message: str, limit: int = LIMIT) -> str:
    """Return the message on one line, without unprintable characters, and at most so many bytes long."""
    line = "".join(letter if letter.isprintable() else " " for letter in message)
    encoded = " ".join(line.split()).encode("utf-8", "replace")
    if len(encoded) <= limit:
        return encoded.decode()
    return encoded[: limit - 3].decode(errors="ignore") + "…"


class FatalError(Exception):
    """The event fails with this message, which becomes the reason in the stack's events."""

    def __init__(self, message: str) -> None:
        super().__init__(shorten(message))


class RetryableError(Exception):
    """Throttling, a server error, a lost answer: the same call may succeed later."""


class AccessDeniedError(RetryableError):
    """Retryable for a while, because new roles and policies propagate slowly in IAM; fatal when it lasts."""


class AlreadyExistsError(Exception):
    """An update with this id exists; its tags tell the owner."""
