"""One line of JSON for each decision: who reads the log group understands a deploy."""

import json
from collections.abc import Mapping
from typing import Any

from .decide import Decision
from .seen import Seen


def log(event: Mapping[str, Any], ota_update_id: str, seen: Seen | None, decision: Decision) -> None:
    """Print a decision with what it rests on. Neither properties nor the response URL are ever printed."""
    line = {
        "event": event["RequestType"],
        "stack": event["StackId"],
        "resource": event["LogicalResourceId"],
        "request": event["RequestId"],
        "otaUpdateId": ota_update_id,
        "seen": seen.status if seen else None,
        "decided": decision.action.value,
        "why": decision.why,
    }
    print(json.dumps(line), flush=True)
