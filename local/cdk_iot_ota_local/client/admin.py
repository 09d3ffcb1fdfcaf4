"""The client of the admin routes: faults, settings and recorded calls."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections import Counter
from typing import Any

from ..calls import Call
from ..errors import LocalAwsError
from ..network import require_loopback_url
from ..settings import Settings

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class AdminClient:
    """Calls the admin routes of a running emulator, on loopback only."""

    def __init__(self, endpoint_url: str) -> None:
        self._url = require_loopback_url(endpoint_url)

    def call(self, method: str, name: str, body: dict[str, Any] | None = None) -> Any:
        """Return the JSON answer; LocalAwsError with the server's message if it refuses."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._url}/_local_aws/{name}", data, method=method)
        try:
            with _OPENER.open(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise LocalAwsError(str(json.load(error).get("error"))) from error


class Faults:
    """Switches faults on and off at run time."""

    def __init__(self, client: AdminClient) -> None:
        self._client = client

    def add(self, kind: str, operation: str | None = None, **options: Any) -> None:
        """Switch a fault on: `add("throttle", "GetOTAUpdate", times=3)`.

        kind: "throttle", "error_500", "error_503", "cut_before" (nothing is done), "cut_after"
            (the call is carried out, the answer is lost), "delay"; or, for the work after
            CreateOTAUpdate, "fail_creation", "slow_creation".
        operation: the API operation of AWS IoT or S3, such as "HeadObject", or one on alarms, such as
            "DescribeAlarms"; None for all of them.
        options: `times`, `for_seconds`, `id_prefix`, `delay_seconds`, `code`, `message`,
            `leave_stream`; see `cdk_iot_ota_local.faults.Fault`.
        """
        self._client.call("POST", "faults", {"kind": kind, "operation": operation, **options})

    def clear(self) -> None:
        """Switch all faults off."""
        self._client.call("DELETE", "faults")


class SettingsClient:
    """Reads and changes the OTA service's settings, see `cdk_iot_ota_local.settings.Settings`."""

    def __init__(self, client: AdminClient) -> None:
        self._client = client

    def update(self, **changes: Any) -> Settings:
        """Change some settings: `update(step_seconds=0.5, refusal="async")`; returns all of them."""
        return Settings(**self._client.call("POST", "settings", changes))

    def reset(self) -> None:
        """Restore the defaults."""
        self._client.call("POST", "settings", vars(Settings()))


class Calls:
    """The recorded calls to AWS IoT and S3, and those about alarms."""

    def __init__(self, client: AdminClient) -> None:
        self._client = client

    def __call__(self) -> dict[str, int]:
        """Count the calls of each operation."""
        return dict(Counter(call.operation for call in self.log()))

    def log(self) -> list[Call]:
        """Return the calls in the order in which they ended."""
        return [Call(**call) for call in self._client.call("GET", "calls")]

    def reset(self) -> None:
        """Forget the calls so far."""
        self._client.call("DELETE", "calls")
