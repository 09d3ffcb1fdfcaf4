"""Jobs, tags and routes of ministack's AWS IoT, for the OTA service in front of it."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .emulator import Emulator

Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, kw_only=True)
class ResourceKind:
    """A kind of AWS IoT resource that ministack lacks.

    path: the first segment of its routes; kind: its part of an ARN; records: the resources by name.
    """

    path: str
    kind: str
    title: str
    records: Any


class _Existing:
    """Records as ministack's tagging looks them up: as dictionaries that exist or not."""

    def __init__(self, records: Any) -> None:
        self._records = records

    def get(self, name: str) -> dict[str, Any] | None:
        return {} if name in self._records else None


def add_resources(
    emulator: Emulator,
    kinds: Sequence[ResourceKind],
    *,
    answer: Callable[..., Answer | None],
    clear: Callable[[], None],
) -> None:
    """Route the requests for these kinds to `answer`, make them taggable, and let IAM find their ARNs.

    answer: called with method, path, headers, body and query of each request to AWS IoT; ministack answers if
        it returns None.
    clear: called when the emulator is reset.
    """
    iot = emulator.iot
    route, reset = iot._route_request, iot.reset
    for one in kinds:
        iot._TAGGABLE_RESOURCES[one.kind] = (_Existing(one.records), f"{one.title} {{name}} not found")

    async def routed(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        found = answer(method, path, headers, body, query)
        return await route(method, path, headers, body, query) if found is None else found

    def cleared() -> None:
        clear()
        reset()

    iot._route_request, iot.reset = routed, cleared
    _locate_for_iam(emulator, {one.path: one.kind for one in kinds})


def _locate_for_iam(emulator: Emulator, kinds: dict[str, str]) -> None:
    """Let IAM find the ARN of the resource in a request."""
    actions = emulator.iam_actions
    resource_arn = actions.extract_resource_arn

    def located(service: str, method: str, path: str, *rest: Any) -> Any:
        # The remaining arguments are headers, body, query, Region and account.
        segment, _, name = path.strip("/").partition("/")
        if service == "iot" and segment in kinds and name:
            return f"arn:aws:iot:{rest[3]}:{rest[4]}:{kinds[segment]}/{name}"
        return resource_arn(service, method, path, *rest)

    actions.extract_resource_arn = located


def answer_messages(
    emulator: Emulator,
    topic: re.Pattern[str],
    answers: Callable[[re.Match[str], bytes], AsyncIterator[tuple[str, bytes]]],
) -> None:
    """Publish answers to the messages on matching topics.

    answers: called with the match and the payload, in the account and the Region of the publisher; yields topic and
        payload of each answer.
    """
    iot, scope = emulator.iot, emulator.responses.request_scope
    publish = iot.broker_publish

    async def published(account: str, region: str, name: str, payload: bytes, *args: Any, **options: Any) -> None:
        await publish(account, region, name, payload, *args, **options)
        if match := topic.fullmatch(name):
            with scope(account, region):
                async for answer_topic, answer in answers(match, payload):
                    await publish(account, region, answer_topic, answer)

    iot.broker_publish = published


def has_thing(emulator: Emulator, name: str) -> bool:
    """Return whether a thing exists."""
    return name in emulator.iot._things


def pending_jobs(emulator: Emulator, thing: str) -> set[str]:
    """Return the ids of the jobs that a thing has not ended."""
    return {str(execution["jobId"]) for execution in emulator.iot.jobs_pending_for_thing(thing)}


async def create_job(emulator: Emulator, job_id: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Create a job; returns the status and the parsed answer of CreateJob."""
    status, _, body = await emulator.iot._create_job(job_id, request)
    return status, json.loads(body)


async def delete_job(emulator: Emulator, job_id: str, *, force: bool) -> None:
    """Delete a job."""
    async with emulator.iot.publishing_events():
        await emulator.iot._delete_job(job_id, {"force": "true" if force else "false"})


def find_job(emulator: Emulator, job_id: str) -> dict[str, Any] | None:
    """Return a job as ministack keeps it, or None."""
    found: dict[str, Any] | None = emulator.iot._jobs.get(job_id)
    return found


def check_tags(emulator: Emulator, tags: Any) -> Answer | None:
    """Return the error answer to a creation with these tags, or None if they are valid."""
    found: Answer | None = emulator.iot._tags_error(tags, required=False)
    return found


def set_tags(emulator: Emulator, arn: str, tags: Any) -> None:
    """Replace all tags of a resource; None removes them."""
    emulator.iot._set_created_tags(arn, tags)
