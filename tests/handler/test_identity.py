"""Ids, digests and ownership tags."""

import pytest

from cdk_iot_ota_handler.ota_update import identity
from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.identity import Owner

from .world import LOGICAL_ID, REQUEST, STACK_ID


def test_the_digest_is_frozen() -> None:
    """A release that gave another digest to the same content would push firmware to every fleet again."""
    assert identity.digest(REQUEST, STACK_ID, LOGICAL_ID) == "761f0fe534ca577d"


def test_the_digest_does_not_depend_on_the_order_of_members() -> None:
    """JSON objects have no order, so neither has an update's content."""
    turned = dict(reversed(REQUEST.items()))
    assert identity.digest(turned, STACK_ID, LOGICAL_ID) == identity.digest(REQUEST, STACK_ID, LOGICAL_ID)


@pytest.mark.parametrize("logical_id", ["A", "A" * 255])
@pytest.mark.parametrize("prefix", ["a_", "a-stack-with-20-char_"])
def test_an_id_fits_into_a_job_id(prefix: str, logical_id: str) -> None:
    """AFR_OTA-<id> has 64 characters at most, whatever the names, and the digest is never cut."""
    made = identity.generated_id(prefix, logical_id, "0123456789abcdef")
    assert len(f"AFR_OTA-{made}") <= 64
    assert made.endswith("-0123456789abcdef")
    assert identity.has_generated_form(made, logical_id)


@pytest.mark.parametrize(
    "other", ["prod_Other-0123456789abcdef", "prod_Blinky", "prod_Blinky-0123456789ABCDEF", "prod-Blinky-1A2B", "mine"]
)
def test_other_ids_have_another_form(other: str) -> None:
    """An explicit id, one of another resource, or one that CloudFormation invented is not taken for a generated one."""
    assert not identity.has_generated_form(other, "Blinky")


@pytest.mark.parametrize(
    ("ota_update_id", "generated"),
    [
        ("prod_Blinky-0123456789abcdef", True),
        ("a-stack-with-20-char_A-0123456789abcdef", True),
        ("prod_Blinky-0123456789ABCDEF", False),
        ("prod_Blinky-0123456789abcde", False),
        ("prod_-0123456789abcdef", False),
        ("prod-Blinky-0123456789abcdef", False),
        ("prod_my_blinky-0123456789abcdef", False),
    ],
)
def test_the_form_of_generated_ids(ota_update_id: str, *, generated: bool) -> None:
    """Whatever some resource may generate has it, and nothing else."""
    assert names.is_generated(ota_update_id) is generated


@pytest.mark.parametrize("made_up", ["", "a" * 129, "a/b", "a:b", "a\n", "*"])
def test_no_update_has_an_id_that_aws_iot_refuses(made_up: str) -> None:
    """Whether there is one needs no question."""
    assert not identity.is_possible(made_up)
    assert identity.is_possible("a" * 128)


def test_an_invented_id_is_recognised() -> None:
    """CloudFormation makes ids of the stack's name, the logical id and random characters."""
    assert identity.is_invented(f"prod-{LOGICAL_ID}-1A2B3C4D5E6F7", STACK_ID, LOGICAL_ID)
    assert not identity.is_invented("prod-Other-1A2B3C4D5E6F7", STACK_ID, LOGICAL_ID)


@pytest.mark.parametrize(
    ("tags", "young", "owner"),
    [
        ({names.STACK_TAG: STACK_ID, names.RESOURCE_TAG: LOGICAL_ID}, False, Owner.OURS),
        ({names.STACK_TAG: STACK_ID, names.RESOURCE_TAG: "Other"}, True, Owner.OTHER),
        ({names.STACK_TAG: "other", names.RESOURCE_TAG: LOGICAL_ID}, True, Owner.OTHER),
        ({"team": "a"}, True, Owner.OTHER),
        ({}, False, Owner.OTHER),
        ({}, True, Owner.UNKNOWN),
    ],
)
def test_tags_say_whose_an_update_is(tags: dict[str, str], young: bool, owner: Owner) -> None:
    """Only both tags make it ours; no tags at all say nothing as long as the update is young."""
    assert identity.owner(tags, STACK_ID, LOGICAL_ID, young=young) is owner
