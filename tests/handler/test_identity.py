"""Ids, digests and ownership tags."""

import pytest

from cdk_iot_ota_handler.ota_update import identity
from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.identity import Owner, failed_tag, gate_attributes, with_operation
from cdk_iot_ota_handler.ota_update.observed import Observed

from ..fakes.cloudformation import LOGICAL_ID, STACK_ID, invented_id
from .scenarios import REQUEST


def test_the_digest_is_frozen() -> None:
    """The digest of a request never changes: another one would push firmware to every fleet again."""
    assert identity.digest(REQUEST, STACK_ID, LOGICAL_ID) == "761f0fe534ca577d"


def test_the_digest_does_not_depend_on_the_order_of_members() -> None:
    """Equal requests have equal digests, whatever the order of their members."""
    reordered = dict(reversed(REQUEST.items()))
    assert identity.digest(reordered, STACK_ID, LOGICAL_ID) == identity.digest(REQUEST, STACK_ID, LOGICAL_ID)


@pytest.mark.parametrize("logical_id", ["A", "A" * 255])
@pytest.mark.parametrize("prefix", ["a_", "a-stack-with-20-char_"])
def test_an_id_fits_into_a_job_id(prefix: str, logical_id: str) -> None:
    """AFR_OTA-<id> has at most 64 characters, whatever the names, and the digest is never cut."""
    generated = identity.generated_id(prefix, logical_id, "0123456789abcdef")
    assert len(f"AFR_OTA-{generated}") <= 64
    assert generated.endswith("-0123456789abcdef")
    assert identity.has_generated_form(generated, logical_id)


@pytest.mark.parametrize(
    "other", ["prod_Other-0123456789abcdef", "prod_Blinky", "prod_Blinky-0123456789ABCDEF", "prod-Blinky-1A2B", "mine"]
)
def test_other_ids_do_not_have_the_generated_form(other: str) -> None:
    """An explicit id, one of another resource and one that CloudFormation invented are not taken for generated ones."""
    assert not identity.has_generated_form(other, "Blinky")


@pytest.mark.parametrize(
    ("ota_update_id", "is_generated"),
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
def test_the_form_of_generated_ids(ota_update_id: str, *, is_generated: bool) -> None:
    """Exactly the ids that some resource may generate have the form of a generated id."""
    assert names.is_generated(ota_update_id) is is_generated


@pytest.mark.parametrize("impossible", ["", "a" * 129, "a/b", "a:b", "a\n", "*"])
def test_no_update_has_an_id_that_aws_iot_refuses(impossible: str) -> None:
    """Ids beyond the limits of AWS IoT are recognized without a call."""
    assert not identity.is_possible(impossible)
    assert identity.is_possible("a" * 128)


def test_an_invented_id_is_recognized() -> None:
    """CloudFormation invents ids from the stack's name, the logical id and random characters."""
    assert identity.is_invented(invented_id(), STACK_ID, LOGICAL_ID)
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
def test_the_tags_tell_the_owner(tags: dict[str, str], young: bool, owner: Owner) -> None:
    """An update is ours only with both tags; the owner of a young update without any tags is unknown."""
    assert identity.owner(tags, STACK_ID, LOGICAL_ID, young=young) is owner


@pytest.mark.parametrize("value", ["true", "succeeded=3 failed=0 seconds=93"])
def test_a_deployed_tag_keeps_its_operation_beside_the_counts(value: str) -> None:
    """The operation is set, replaced and left out at the end of the tag, and the attributes stay the same."""
    tag = with_operation(with_operation(value, 1_700_000_000), 1_800_000_000)
    assert tag == f"{value} operation=1800000000"
    assert with_operation(tag, None) == value
    assert gate_attributes(tag) == gate_attributes(value)


@pytest.mark.parametrize("value", ["true", "succeeded=3 failed=0 seconds=93"])
def test_a_deployed_tag_keeps_the_first_operation_beside_the_last(value: str) -> None:
    """An update that is taken up again has both operations in its tag, which replace each other only together."""
    taken_up = with_operation(with_operation(value, 1), 2, first=1)
    assert taken_up == f"{value} since=1 operation=2"
    assert with_operation(taken_up, 3, first=1) == f"{value} since=1 operation=3"
    assert with_operation(taken_up, None) == value
    assert gate_attributes(taken_up) == gate_attributes(value)


@pytest.mark.parametrize(
    ("tag", "first", "last"),
    [
        ("true", None, None),
        ("true operation=7", 7, 7),
        ("true since=5 operation=7", 5, 7),
        ("true since=0 operation=7", 0, 7),
    ],
)
def test_the_operations_of_a_deployed_tag(tag: str, first: int | None, last: int | None) -> None:
    """The first operation is the last one unless the tag has both; a deployed tag without any tells none."""
    observed = Observed(status="CREATE_COMPLETE", tags={names.DEPLOYED_TAG: tag}, age=1, attributes={})
    assert (observed.first_operation, observed.operation) == (first, last)


def test_a_verdict_fits_into_a_tag() -> None:
    """A reason keeps its words, in the characters and the length of a tag."""
    tag = failed_tag("the gate has failed: 1 failure, and at most 0 are allowed (\u00fc)\n" + "x" * 300)
    assert tag.startswith("the gate has failed: 1 failure and at most 0 are allowed x")
    assert len(tag) == 255
