"""How a call or an event can go wrong: for good, or for now; and how that is put into words."""

# CloudFormation takes 4,096 bytes for the whole answer, and the framework adds a stack trace of its own.
LIMIT = 900


def shorten(message: str, limit: int = LIMIT) -> str:
    """The message on one line, without what does not print, and at most so many bytes long."""
    line = "".join(letter if letter.isprintable() else " " for letter in message)
    encoded = " ".join(line.split()).encode("utf-8", "replace")
    if len(encoded) <= limit:
        return encoded.decode()
    return encoded[: limit - 3].decode(errors="ignore") + "…"


class FatalError(Exception):
    """Final: the event fails with this message, which becomes the reason in the stack's events."""

    def __init__(self, message: str) -> None:
        super().__init__(shorten(message))


class RetryableError(Exception):
    """Passing: throttling, a server error, a lost answer. The same call may succeed later."""


class AccessDeniedError(RetryableError):
    """Passing for a while: IAM spreads new roles and policies slowly. Final when it lasts."""


class AlreadyExistsError(Exception):
    """An update of this id exists; whose it is, its tags say."""
