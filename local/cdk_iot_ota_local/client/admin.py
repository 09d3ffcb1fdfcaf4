"""The client side of the admin routes: faults, settings and the record of calls."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections import Counter
from typing import Any

from ..calls import Call
from ..errors import LocalAwsError
from ..faults import Fault
from ..network import require_loopback_url
from ..settings import Values

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class AdminClient:
    """Calls the admin routes of a running emulator, on loopback only."""

    def __init__(self, endpoint_url: str) -> None:
        self._url = require_loopback_url(endpoint_url)

    def call(self, method: str, name: str, body: dict[str, Any] | None = None) -> Any:
        """The JSON answer; LocalAwsError with the server's words where it refuses."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._url}/_local_aws/{name}", data, method=method)
        try:
            with _OPENER.open(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise LocalAwsError(str(json.load(error).get("error"))) from error


class Faults:
    """Faults that are switched on at run time."""

    def __init__(self, client: AdminClient) -> None:
        self._client = client

    def add(self, kind: str, operation: str | None = None, **options: Any) -> None:
        """Switch a fault on: `add("throttle", "GetOTAUpdate", times=3)`.

        kind: "throttle", "error_500", "error_503", "cut_before" (nothing is done), "cut_after"
            (it is done, the answer is lost), "delay"; or of the creation after the call,
            "fail_creation", "slow_creation".
        operation: the API operation of AWS IoT or S3, such as "HeadObject"; None for every one.
        options: `times`, `for_seconds`, `id_prefix`, `delay_seconds`, `code`, `message`,
            `leave_stream`; see `local_aws.fault_rules.Fault`.
        """
        description = {"kind": kind, "operation": operation, **options}
        try:
            Fault(**description)
        except TypeError as error:
            raise LocalAwsError(f"fault {description!r} is not understood: {error}") from error
        self._client.call("POST", "faults", description)

    def clear(self) -> None:
        """Switch all faults off."""
        self._client.call("DELETE", "faults")


class Settings:
    """The settings of the OTA service, see `local_aws.settings.Values`."""

    def __init__(self, client: AdminClient) -> None:
        self._client = client

    def update(self, **changes: Any) -> Values:
        """Change some: `update(step_seconds=0.5, refusal="async")`; returns all of them."""
        return Values(**self._client.call("POST", "settings", changes))

    def reset(self) -> None:
        """Back to the defaults."""
        self._client.call("POST", "settings", vars(Values()))


class Calls:
    """The record of calls to AWS IoT and S3."""

    def __init__(self, client: AdminClient) -> None:
        self._client = client

    def __call__(self) -> dict[str, int]:
        """How often each operation was called."""
        return dict(Counter(call.operation for call in self.log()))

    def log(self) -> list[Call]:
        """The calls in the order in which they ended."""
        return [Call(**call) for call in self._client.call("GET", "calls")]

    def reset(self) -> None:
        """Forget the calls so far."""
        self._client.call("DELETE", "calls")
