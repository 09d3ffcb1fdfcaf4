"""Process the answers of custom resources as CloudFormation does.

ministack forgets the answer of a custom resource that failed. Here it is kept, since its physical id
is the one that the rollback uses, and answers that CloudFormation refuses are refused.
"""

from __future__ import annotations

import contextvars
import secrets
import string
from dataclasses import dataclass
from typing import Any

from .emulator import Emulator

MAX_ANSWER_BYTES = 4096
TOO_LONG = "Response object is too long."
NO_PHYSICAL_ID = "Invalid PhysicalResourceId"
RESPONSE_PATH = "/_ministack/cfn-response/"

_token: contextvars.ContextVar[str] = contextvars.ContextVar("custom_resource_token")


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A Create or an Update that failed, and the physical id that its rollback uses."""

    request_type: str
    resource_type: str
    physical_id: str
    properties: dict[str, Any]


class CustomResources:
    """Wraps ministack's invocation of custom resources."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._answers: dict[str, dict[str, Any]] = {}
        self._sizes: dict[str, int] = {}
        self._failures: dict[tuple[str, str], Failure] = {}

    def install(self) -> None:
        """Put the wrappers in place."""
        module = self._emulator.custom_resource
        invoke, register, deliver = (
            module.invoke_custom_resource,
            module.register_token,
            module.deliver_response,
        )

        def registered(token: str) -> Any:
            _token.set(token)
            return register(token)

        def delivered(token: str, answer: dict[str, Any]) -> Any:
            self._answers.setdefault(token, answer)
            return deliver(token, answer)

        def invoked(*args: Any, **kwargs: Any) -> Any:
            # A separate context for each invocation, so that nested stacks do not mix tokens.
            return contextvars.copy_context().run(self._invoke, invoke, *args, **kwargs)

        module.invoke_custom_resource = invoked
        module.register_token, module.deliver_response = registered, delivered

    def note_size(self, path: str, size: int) -> None:
        """Record the size in bytes of an answer before it is delivered."""
        self._sizes[path.removeprefix(RESPONSE_PATH)] = size

    def take_failure(self, stack_id: str, logical_id: str | None, request_type: str) -> Failure | None:
        """Remove and return the failure of a resource in the operation that is being rolled back, if any."""
        found = self._failures.get((stack_id, logical_id or ""))
        if found is None or found.request_type != request_type:
            return None
        return self._failures.pop((stack_id, logical_id or ""))

    def _invoke(
        self,
        invoke: Any,
        request_type: str,
        logical_id: str,
        props: dict[str, Any],
        stack_name: str,
        stack_id: str,
        resource_type: str,
        physical_id: str | None = None,
        old_props: dict[str, Any] | None = None,
    ) -> Any:
        self._failures.pop((stack_id, logical_id), None)
        _token.set("")
        try:
            result = invoke(
                request_type, logical_id, props, stack_name, stack_id, resource_type, physical_id, old_props
            )
            self._check(_token.get())
        except Exception:
            if request_type != "Delete" and _token.get():
                answered = self._answered_id() or physical_id or generated_id(stack_name, logical_id)
                self._failures[(stack_id, logical_id)] = Failure(
                    request_type=request_type,
                    resource_type=resource_type,
                    physical_id=answered,
                    properties=props,
                )
            if self._is_too_long(_token.get()):
                raise RuntimeError(TOO_LONG) from None
            raise
        finally:
            self._answers.pop(_token.get(), None)
            self._sizes.pop(_token.get(), None)
        return result

    def _is_too_long(self, token: str) -> bool:
        return self._sizes.get(token, 0) > MAX_ANSWER_BYTES

    def _answered_id(self) -> str | None:
        """Return the physical id of the answer; an answer that is too long is not read at all."""
        token = _token.get()
        found = None if self._is_too_long(token) else self._answers.get(token, {}).get("PhysicalResourceId")
        return str(found) if found else None

    def _check(self, token: str) -> None:
        """Raise the error that CloudFormation reports for an invalid answer."""
        if self._is_too_long(token):
            raise RuntimeError(TOO_LONG)
        if not self._answers.get(token, {}).get("PhysicalResourceId"):
            raise RuntimeError(NO_PHYSICAL_ID)


def generated_id(stack_name: str, logical_id: str) -> str:
    """Return a physical id as CloudFormation generates one for a resource that never answered with one."""
    alphabet = string.ascii_uppercase + string.digits
    return f"{stack_name}-{logical_id}-{''.join(secrets.choice(alphabet) for _ in range(12))}"
