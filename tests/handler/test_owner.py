"""The owner of an update whose tags may not be visible yet."""

from cdk_iot_ota_handler.ota_update.contract import timeouts
from cdk_iot_ota_handler.ota_update.decide.ownership import owner_of
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.identity import Owner
from cdk_iot_ota_handler.ota_update.observed import Observed

from .scenarios import event


def test_the_owner_is_unknown_until_tags_must_be_visible() -> None:
    """An update without tags has an unknown owner while it is younger than the lag of tags, and then another one."""
    desired = Desired.from_event(event("Create"))
    owners = [
        owner_of(desired, Observed(status="CREATE_COMPLETE", tags={}, age=age, attributes={}))
        for age in (timeouts.TAG_LAG - 0.1, timeouts.TAG_LAG)
    ]
    assert owners == [Owner.UNKNOWN, Owner.OTHER]
