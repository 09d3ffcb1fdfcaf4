"""One line of JSON for each decision: who reads the log group understands a deploy."""

import json

from .decide import Decision
from .declared import Event
from .seen import Seen


def log(event: Event, ota_update_id: str, seen: Seen | None, decision: Decision) -> None:
    """Print a decision with what it rests on; neither the properties nor the response URL are in it."""
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
