"""Tests of docs/lifecycle.md: it shows the decisions and the times of the handler."""

from cdk_iot_ota_handler.ota_update.contract import timeouts
from tools.lifecycle_diagram import COLUMNS, DOCUMENT, STATES, up_to_date


def test_the_diagrams_are_those_of_the_code() -> None:
    """The table and the diagrams match the code's decisions; `python -m tools.lifecycle_diagram` updates them."""
    text = DOCUMENT.read_text()
    assert text == up_to_date(text)
    assert "stateDiagram-v2" in text


def test_every_state_is_decided_in_every_column() -> None:
    """The table has every status of AWS IoT, and no column has the same decision in all of its rows."""
    statuses = {seen.status for seen in STATES.values() if seen is not None}
    create = {f"CREATE_{end}" for end in ("PENDING", "IN_PROGRESS", "COMPLETE", "FAILED")}
    assert statuses == create | {"DELETE_IN_PROGRESS", "DELETE_FAILED"}
    assert all(len({column(seen) for seen in STATES.values()}) > 1 for column in COLUMNS.values())


def test_the_times_are_those_of_the_code() -> None:
    """The table of timeouts has the handler's own numbers."""
    cells = {cell.strip() for line in DOCUMENT.read_text().splitlines() for cell in line.split("|")}
    names = ["IAM_PATIENCE", "SETTLE_PATIENCE", "PATIENCE", "INVOCATION", "CREATION_DEADLINE", "DELETION_PATIENCE"]
    names += ["HANDLER_DEADLINE", "TOTAL_TIMEOUT", "SERVICE_TIMEOUT"]
    assert {str(getattr(timeouts, name)) for name in names} <= cells
