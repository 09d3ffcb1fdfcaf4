"""Find what a deployment left behind in an account."""

from __future__ import annotations

from dataclasses import dataclass

from .account import Account


@dataclass(frozen=True, kw_only=True)
class Leftovers:
    """The ids of OTA updates, of their jobs, and of streams; false if there are none."""

    ota_updates: tuple[str, ...]
    jobs: tuple[str, ...]
    streams: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.ota_updates or self.jobs or self.streams)


def leftovers(aws: Account) -> Leftovers:
    """List the account's OTA updates, AFR_OTA-* jobs and streams that are ours."""
    iot = aws.client("iot")
    updates = iot.get_paginator("list_ota_updates").paginate().build_full_result()["otaUpdates"]
    jobs = iot.get_paginator("list_jobs").paginate().build_full_result()["jobs"]
    streams = iot.get_paginator("list_streams").paginate().build_full_result()["streams"]
    ids = [update["otaUpdateId"] for update in updates]
    job_ids = [job["jobId"] for job in jobs if job["jobId"].startswith("AFR_OTA-")]
    stream_ids = [stream["streamId"] for stream in streams]
    return Leftovers(
        ota_updates=tuple(one for one in ids if aws.owns("otaupdate", one)),
        jobs=tuple(one for one in job_ids if aws.owns("job", one)),
        streams=tuple(one for one in stream_ids if aws.owns("stream", one)),
    )
