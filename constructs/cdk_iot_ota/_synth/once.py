"""Questions to CDK, each asked once.

CDK runs in another process, and each question to it takes as long as thousands of lines of Python. The answers
here never change while an app is synthesized. They are kept with the object that was asked, and go with it.
"""

import hashlib
import json
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from aws_cdk import Stack
from constructs import IConstruct

from . import tokens

_Answer = TypeVar("_Answer")
_ANSWERS = "_cdk_iot_ota_answers"


def asked(of: object, question: Hashable, ask: Callable[[], _Answer]) -> _Answer:
    """Return the answer to a question about an object, which is asked the first time."""
    answers: dict[Hashable, _Answer] = vars(of).setdefault(_ANSWERS, {})
    if question not in answers:
        answers[question] = ask()
    return answers[question]


def get(of: object, name: str) -> Any:
    """Return a property of an object of CDK."""
    return asked(of, name, lambda: getattr(of, name))


def has(of: object, name: str) -> bool:
    """Return whether an object has a property. An object of several interfaces of CDK has none by its class."""
    if hasattr(type(of), name):
        return True
    try:
        get(of, name)
    except (AttributeError, TypeError):
        return False
    return True


def stack_of(scope: IConstruct) -> Stack:
    """Return the stack of a construct."""
    return scope if isinstance(scope, Stack) else asked(scope, Stack, lambda: Stack.of(scope))


def is_in_stack(construct: IConstruct, stack: Stack) -> None:
    """Answer ``stack_of`` for a new construct of a stack."""
    asked(construct, Stack, lambda: stack)


def address(construct: IConstruct) -> str:
    """Return the end of a construct's address, which tells the constructs of an app apart."""
    end: str = asked(construct, address, lambda: get(construct, "node").addr[-8:])
    return end


def is_same(one: IConstruct, other: IConstruct) -> bool:
    """Return whether two objects are one construct: of those that Python has not made, each answer is a new object."""
    return one is other or address(one) == address(other)


def is_settled(scope: IConstruct, text: str) -> bool:
    """Return whether a text can be resolved in the stack of a construct before the end of synth.

    One that refers to another stack cannot: until then, CDK renders the reference as one to the logical id in this
    stack, where another resource may have the same.
    """
    return tokens.is_settled(text) and elsewhere(scope, text) is None


def elsewhere(scope: IConstruct, text: str) -> str | None:
    """Return the path and the attribute of a resource of another stack that a text refers to, if there is one."""
    if not tokens.is_token(text):
        return None
    stack = stack_of(scope)

    def find() -> str | None:
        found = [one for one in tokens.references(text) if not is_same(stack_of(one.target), stack)]
        return f"{found[0].target.node.path}.{found[0].display_name}" if found else None

    return asked(stack, (elsewhere, text), find)


def settled(scope: IConstruct, value: Any) -> Any:
    """Return a value of which each token that cannot be resolved before the end of synth is replaced with a name."""
    return tokens.settled(value, lambda token: elsewhere(scope, token))


def resolved(scope: IConstruct, value: str) -> Any:
    """Return how a text is rendered in the stack of a construct. Only a settled text has an answer before the end."""
    if not tokens.is_token(value):
        return value
    stack = stack_of(scope)
    return asked(stack, ("resolved", value), lambda: stack.resolve(value))


def digest(scope: IConstruct, value: str) -> str:
    """Return a digest of how a settled text is rendered in the stack of a construct, so that tokens have one too.

    In place of how a reference to another stack is rendered, it is of the path and the attribute there.
    """

    def calculate() -> str:
        text = json.dumps(resolved(scope, settled(scope, value)), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    return asked(stack_of(scope), ("digest", value), calculate)


def iot_arn(scope: IConstruct, resource: str, name: str) -> str:
    """Return the ARN of an AWS IoT resource in the account and Region of a construct's stack."""
    return arn(scope, "iot", f"{resource}/{name}")


def arn(scope: IConstruct, service: str, resource: str) -> str:
    """Return the ARN of a resource in the account and Region of a construct's stack."""
    stack = stack_of(scope)
    return f"arn:{get(stack, 'partition')}:{service}:{get(stack, 'region')}:{get(stack, 'account')}:{resource}"
