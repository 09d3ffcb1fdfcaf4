"""The asynchronous work on an update after the call was answered: its creation and its deletion."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from ..faults import Fault, FaultRules
from ..ministack.emulator import Emulator
from ..settings import Settings
from .document import SourceFile, job_document
from .errors import WorkError
from .job import Jobs
from .records import CREATE_COMPLETE, CREATE_FAILED, CREATE_IN_PROGRESS, DELETE_FAILED, Stream, Update
from .role import ServiceRole
from .sources import Sources
from .store import Store


class Work:
    """Creates and deletes updates, step by step."""

    def __init__(self, emulator: Emulator, store: Store, faults: FaultRules) -> None:
        self._emulator, self._store, self._faults = emulator, store, faults
        self._jobs = Jobs(emulator, store)
        # The event loop keeps only weak references to its tasks.
        self._tasks: set[asyncio.Task[None]] = set()

    def start_creation(self, update: Update) -> None:
        """Create the job and the stream of an update."""
        self._start(self._create(update))

    def start_deletion(self, update: Update, *, delete_stream: bool, force: bool) -> None:
        """Delete an update, with its job and its stream."""
        self._start(self._delete(update, delete_stream, force))

    def start_refusal(self, update: Update, message: str) -> None:
        """End a deletion in DELETE_FAILED."""
        self._start(self._refuse(update, message))

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def _settings(self) -> Settings:
        return self._store.settings

    async def _create(self, update: Update) -> None:
        await asyncio.sleep(self._settings.step_seconds)
        update.move(CREATE_IN_PROGRESS)
        await asyncio.sleep(self._settings.step_seconds)
        slow = self._faults.take(("slow_creation",), "CreateOTAUpdate", update.ota_update_id)
        await asyncio.sleep(slow.delay_seconds if slow else 0)
        try:
            async with self._emulator.iot.publishing_events():
                await self._build(update)
        except WorkError as failure:
            update.move(CREATE_FAILED, failure.error_info)
        except Exception as error:
            update.move(CREATE_FAILED, {"code": "InternalFailureException", "message": repr(error)})
            raise
        else:
            update.move(CREATE_COMPLETE)

    async def _build(self, update: Update) -> None:
        """Create the stream and the job, each with the permissions of the service role."""
        fault = self._faults.take(("fail_creation",), "CreateOTAUpdate", update.ota_update_id)
        self._fail(fault, leave_stream=False)
        role = ServiceRole(self._emulator, update.request["roleArn"], update.arn)
        role.assume()
        role.require("iam:GetRole", update.request["roleArn"])
        sources = Sources(self._emulator, role, self._store)
        files = [await sources.find(file, index) for index, file in enumerate(update.request["files"])]
        stream_id = self._stream(update, files, role)
        self._fail(fault, leave_stream=True)
        document = job_document(files, update.request.get("protocols", ["MQTT"]), stream_id, self._emulator.region())
        await self._jobs.create(update, document, role)

    @staticmethod
    def _fail(fault: Fault | None, *, leave_stream: bool) -> None:
        if fault and fault.leave_stream == leave_stream:
            raise WorkError(fault.code, fault.message)

    def _stream(self, update: Update, files: list[SourceFile], role: ServiceRole) -> str | None:
        """Return the id of the stream for MQTT: the user's, or a new one of the service."""
        own = (files[0].request.get("fileLocation") or {}).get("stream")
        if own:
            return str(own["streamId"])
        if "MQTT" not in update.request.get("protocols", ["MQTT"]):
            return None
        stream_id = f"AFR_OTA-{uuid.uuid4()}"
        arn = self._store.arn("stream", stream_id)
        role.require("iot:CreateStream", arn)
        entries = [{"fileId": file.file_id, "s3Location": file.s3_location} for file in files]
        etags = {file.file_id: file.content.etag for file in files if not file.content.pinned}
        self._store.streams[stream_id] = Stream(stream_id, arn, entries, update.request["roleArn"], etags=etags)
        update.stream_id = stream_id
        return stream_id

    async def _delete(self, update: Update, delete_stream: bool, force: bool) -> None:
        await asyncio.sleep(self._settings.step_seconds)
        try:
            await self._clear(update, delete_stream, force)
        except WorkError as failure:
            update.move(DELETE_FAILED, failure.error_info)
        else:
            self._store.forget(update)

    async def _clear(self, update: Update, delete_stream: bool, force: bool) -> None:
        """Delete the job and the service's own stream, but never a stream of the user's."""
        has_job = self._store.job(update) is not None
        stream = self._store.own_stream(update) if delete_stream else None
        if not has_job and stream is None:
            return
        role = ServiceRole(self._emulator, update.request["roleArn"], update.arn)
        role.assume()
        if has_job:
            self._jobs.require_deletion(update, role)
        if stream is not None:
            role.require("iot:DeleteStream", stream.arn)
            self._store.forget_stream(stream.stream_id)
        if has_job:
            await self._jobs.delete(update, force=force)

    async def _refuse(self, update: Update, message: str) -> None:
        await asyncio.sleep(self._settings.step_seconds)
        update.move(DELETE_FAILED, {"code": "InvalidRequestException", "message": message})
