"""User code that must not type-check: exactly the lines that end in `# error` are wrong."""

from aws_cdk import Duration, Stack

from cdk_iot_ota import (
    CodeSigning,
    FileLocation,
    OtaFile,
    OtaTarget,
    OtaUpdate,
    RolloutRate,
    SigningPlatform,
    SigningProfile,
)


def wrong(stack: Stack, file: OtaFile, target: OtaTarget) -> None:
    """Make the mistakes that a type checker must find before synth does."""
    OtaTarget.thing(1)  # error
    FileLocation.from_bucket("firmware", "a.bin")  # error
    FileLocation.from_stream("s", "0")  # error
    CodeSigning.custom(signature="text")  # error
    CodeSigning.signer()  # error
    OtaFile("/a", CodeSigning.unsigned())  # error
    OtaFile(name="/a")  # error
    OtaFile(name="/a", signing="unsigned")  # error
    SigningPlatform.of(1)  # error
    SigningProfile(certificate_arn="a", platform="AmazonFreeRTOS-Default", certificate_path_on_device="b")  # error
    RolloutRate.constant(50)  # error
    RolloutRate.constant(maximum_per_minute="50")  # error
    OtaUpdate(stack, "A")  # error
    OtaUpdate(stack, "A", targets=target, files=[file])  # error
    OtaUpdate(stack, "A", targets=["fleet"], files=[file])  # error
    OtaUpdate(stack, "A", targets=[target], files=[file], role="arn:aws:iam::111122223333:role/ota")  # error
    OtaUpdate(stack, "A", targets=[target], files=[file], protocols=["MQTT"])  # error
    OtaUpdate(stack, "A", targets=[target], files=[file], in_progress_timeout=30)  # error
    OtaUpdate(stack, "A", targets=[target], files=[file], tags={"a": 1})  # error
    OtaUpdate(stack, "A", targets=[target], files=[file], descripton="typo")  # error
    made = OtaUpdate(stack, "A", targets=[target], files=[file])
    made.metric_failed(perod=Duration.minutes(1))  # error
    made.metric_failed(period=60)  # error
    made.on_event("Rule", descripton="typo")  # error
    made.on_event("Rule", target="arn:aws:sns:eu-central-1:111122223333:topic")  # error
    OtaUpdate.from_ota_update_id(stack, "B", "b").metric_gate_needed()  # error
