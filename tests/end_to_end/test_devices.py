"""Devices notice what a deploy cannot see: wrong signatures, and files that an agent does not take."""

import dataclasses
import time
from collections.abc import Iterator

import pytest
from aws_cdk import CfnOutput, Stack

from cdk_iot_ota import FileLocation, OtaFile, OtaTarget, OtaUpdate, Protocol, RolloutGate
from cdk_iot_ota_local import Account, Fleet
from tests.end_to_end.support.declarations import firmware, signed_file
from tests.end_to_end.support.deployment import Declaration, Deployment, DeploymentError
from tests.signing_key import certificate

LARGEST_BYTES = 4 * 1024 * 1024


@pytest.fixture
def fleets(aws: Account) -> Iterator[tuple[Fleet, Fleet]]:
    """Register two fleets, and let the devices of the first take each job in the background."""
    now = time.monotonic_ns()
    with (
        Fleet(aws, f"strict-{now}", 2, certificate=certificate()) as strict,
        Fleet(aws, f"silent-{now}", 1, certificate=certificate()) as silent,
    ):
        for fleet in (strict, silent):
            fleet.register()
        strict.start()
        yield strict, silent


def test_what_only_devices_notice(deployment: Deployment, fleets: tuple[Fleet, Fleet]) -> None:
    """Devices take only the first of two files, whose second has a wrong signature, and never report one over 4 MiB."""
    strict, silent = fleets

    def declare(*files: OtaFile) -> Declaration:
        def declaration(stack: Stack) -> None:
            target, gate = OtaTarget.thing_group(strict.name), RolloutGate()
            update = OtaUpdate(
                stack, "Strict", targets=[target], files=files, gate=gate, protocols=[Protocol.HTTP, Protocol.MQTT]
            )
            CfnOutput(stack, "StrictJob", value=update.job_id)
            other = OtaUpdate(stack, "Silent", targets=[OtaTarget.thing_group(silent.name)], files=[too_large])
            CfnOutput(stack, "SilentJob", value=other.job_id)

        return declaration

    def asset(name: str, content: bytes, signed: bytes) -> OtaFile:
        path = deployment.folder / name
        path.write_bytes(content)
        return dataclasses.replace(signed_file(FileLocation.from_asset(path), signed), name=f"/{name}")

    large, wrong = bytes(LARGEST_BYTES + 1), asset("two.bin", b"two", b"other")
    too_large = asset("large.bin", large, large)
    outputs = deployment.deploy(declare(firmware(deployment.folder, "one"), wrong))
    assert (strict.problems, strict.bytes_loaded) == ({}, len("one"))
    progress = silent.wait(outputs["SilentJob"])
    assert (progress.queued, progress.done) == (1, 0)
    assert "the file must have at most 4,194,304 bytes" in silent.problems[silent.things[0]]
    with pytest.raises(DeploymentError, match=r"the gate has failed: [12] failures?, and at most 0 are allowed"):
        deployment.deploy(declare(wrong))
    assert {problem.partition(":")[0] for problem in strict.problems.values()} == {"the signature check failed"}
    assert deployment.outputs() == outputs
