"""Generated and explicit ids of updates, and changes from one to another."""

from pathlib import Path

from cdk_iot_ota_local import LocalAws, leftovers
from tests.end_to_end.support.declarations import Declare
from tests.end_to_end.support.deployment import Deployment


def test_from_a_generated_id_to_explicit_ones_and_back(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """A change of only the id replaces the update, for ids of the maximum length as well."""
    generated = deployment.deploy(declare("one"))["Id"]
    for explicit in (aws.named("a").ljust(56, "a"), aws.named("b").ljust(56, "b")):
        assert deployment.deploy(declare("one", ota_update_id=explicit))["Id"] == explicit
        left = leftovers(aws)
        assert left.ota_updates == (explicit,)
        assert left.jobs == (f"AFR_OTA-{explicit}",)
    assert deployment.deploy(declare("one"))["Id"] == generated
    assert leftovers(aws).ota_updates == (generated,)
    assert len(leftovers(aws).streams) == 1


def test_generated_ids_as_long_as_a_job_allows(aws: LocalAws, declare: Declare, tmp_path: Path) -> None:
    """An id generated from a long stack name and construct id is cut to 56 characters and works in every operation."""
    deployment = Deployment(aws, "a-stack-name-" + "that-goes-on-" * 8, tmp_path / "long")
    ids = [deployment.deploy(declare(content, id="Blinky" * 30))["Id"] for content in ("one", "two")]
    assert [len(ota_update_id) for ota_update_id in ids] == [56, 56]
    assert leftovers(aws).ota_updates == (ids[1],)
    deployment.delete()
    assert not leftovers(aws)
