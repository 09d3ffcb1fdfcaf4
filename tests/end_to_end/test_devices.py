"""Devices notice what a deploy cannot see: wrong signatures, and files that an agent does not take."""

import base64
import dataclasses
import time
from collections.abc import Iterator
from typing import cast

import pytest
from aws_cdk import CfnOutput, CfnResource, Stack
from cryptography.hazmat.primitives.asymmetric import utils

from cdk_iot_ota import (
    CodeSigning,
    FileLocation,
    HashAlgorithm,
    OtaFile,
    OtaTarget,
    OtaUpdate,
    Protocol,
    RolloutGate,
    SignatureAlgorithm,
)
from cdk_iot_ota_local import CLASSIC, MODULAR, Account, Fleet, Profile
from tests.end_to_end.support.concurrency import wait_until
from tests.end_to_end.support.declarations import firmware, signed_file
from tests.end_to_end.support.deployment import Declaration, Deployment, DeploymentError
from tests.signing_key import certificate, sign

LARGEST_BYTES = 4 * 1024 * 1024
INLINE_DOCUMENT = "codeSigning.customCodeSigning.signature.inlineDocument"


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


def with_rsa(file: OtaFile, size: int) -> OtaFile:
    """Return a file with a signature of RSA of this size in bytes in place of the one that it has."""
    signing = CodeSigning.custom(
        signature=b"\1" * size,
        hash_algorithm=HashAlgorithm.SHA256,
        signature_algorithm=SignatureAlgorithm.RSA,
        certificate_name="/signer.pem",
    )
    return dataclasses.replace(file, signing=signing)


def test_what_agents_refuse(deployment: Deployment, aws: Account) -> None:
    """AWS IoT accepts each of these updates, and the agents of real devices fail, reject or never report on it."""
    good = firmware(deployment.folder, "good")
    r_and_s = b"".join(number.to_bytes(32, "big") for number in utils.decode_dss_signature(sign(b"good")))
    rsa = with_rsa(good, 256)
    iot = aws.client("iot")
    # The device, its agent, the file, the status of its job, and the reason.
    rows: dict[str, tuple[Profile, list[OtaFile], str, str]] = {
        "r and s": (CLASSIC, [good], "FAILED", "not one DER sequence of two integers"),
        "RSA": (CLASSIC, [rsa], "FAILED", "the signature must be sig-sha256-ecdsa, got sig-sha256-rsa"),
        "RSA, modular": (MODULAR, [rsa], "REJECTED", "the signature must be sig-sha256-ecdsa, got sig-sha256-rsa"),
        "RSA with 4,096 bits": (
            dataclasses.replace(CLASSIC, signature_members=("sig-sha256-rsa",)),
            [with_rsa(good, 512)],
            "FAILED",
            "the signature must have at most 384 bytes, got 512",
        ),
        "unsigned": (
            MODULAR,
            [dataclasses.replace(good, signing=CodeSigning.unsigned())],
            "REJECTED",
            "certfile is missing",
        ),
        "long path": (
            CLASSIC,
            [dataclasses.replace(good, name="/" + "p" * 259)],
            "FAILED",
            "filepath must have at most 259 bytes, got 260",
        ),
        "large document": (
            CLASSIC,
            [dataclasses.replace(good, name=f"/{index}/{'p' * 250}") for index in range(14)],
            "QUEUED",
            "the job document must have at most 5,600 bytes",
        ),
        "quotation mark": (CLASSIC, [dataclasses.replace(good, name='/a"b.bin', type=0)], "SUCCEEDED", ""),
    }
    with Fleet(
        aws,
        f"agents-{time.monotonic_ns()}",
        len(rows),
        certificate=certificate(),
        profiles={index: profile for index, (profile, *_) in enumerate(rows.values())},
    ) as fleet:
        fleet.register()
        fleet.start()

        def declare(description: str) -> Declaration:
            def declaration(stack: Stack) -> None:
                for thing, (name, (_, files, *_)) in zip(fleet.things, rows.items(), strict=True):
                    target = OtaTarget.thing(thing)
                    update = OtaUpdate(stack, name, targets=[target], files=files, description=description)
                    CfnOutput(stack, f"Job{thing[-1]}", value=update.job_id)
                    if name == "r and s":
                        # Synth refuses it as a signature.
                        encoded = base64.b64encode(base64.b64encode(r_and_s)).decode()
                        resource = cast(CfnResource, update.node.default_child)
                        resource.add_property_override(f"Request.files.0.{INLINE_DOCUMENT}", encoded)

            return declaration

        jobs = deployment.deploy(declare("one"))
        last = fleet.things[-1]
        wait_until(lambda: len(fleet.problems) == len(rows) - 1 and fleet.running(last))
        for thing, (_, _, status, reason) in zip(fleet.things, rows.values(), strict=True):
            shown = iot.describe_job_execution(jobId=jobs[f"Job{thing[-1]}"], thingName=thing)
            assert (shown["execution"]["status"], thing) == (status, thing)
            assert reason in fleet.problems.get(thing, "")
        running = fleet.running(last)
        assert running is not None
        assert running.path == r"/a\"b.bin"
        # The same image again, because something else has changed.
        deployment.deploy(declare("two"))
        wait_until(lambda: last in fleet.problems)
        assert "the firmware is not newer" in fleet.problems[last]
