"""What a deployment left behind in an account."""

from __future__ import annotations

from dataclasses import dataclass

from local_aws.process import LocalAws


@dataclass(frozen=True, kw_only=True)
class Leftovers:
    """The ids of OTA updates, of their jobs, and of streams."""

    ota_updates: tuple[str, ...]
    jobs: tuple[str, ...]
    streams: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether anything is left."""
        return bool(self.ota_updates or self.jobs or self.streams)


def leftovers(aws: LocalAws) -> Leftovers:
    """The OTA updates, AFR_OTA-* jobs and streams that are there now."""
    iot = aws.client("iot")
    updates = iot.get_paginator("list_ota_updates").paginate().build_full_result()["otaUpdates"]
    jobs = iot.get_paginator("list_jobs").paginate().build_full_result()["jobs"]
    streams = iot.get_paginator("list_streams").paginate().build_full_result()["streams"]
    return Leftovers(
        ota_updates=tuple(update["otaUpdateId"] for update in updates),
        jobs=tuple(job["jobId"] for job in jobs if job["jobId"].startswith("AFR_OTA-")),
        streams=tuple(stream["streamId"] for stream in streams),
    )
