"""The actions that a stack's roles allow and deny, including those that the emulator does not enforce."""

from pathlib import Path

import pytest
from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import CodeSigning, FileLocation, OtaServiceRole, OtaUpdateProvider
from cdk_iot_ota_handler.ota_update.contract import names
from tests.construct.everything import imported_vpc
from tests.construct.stacks import ota_file, ota_update, stack, template
from tests.security.simulated import ACCOUNT, REGION, STACK_ID, Simulated

IOT = f"arn:aws:iot:{REGION}:{ACCOUNT}"
SIGNER = f"arn:aws:signer:{REGION}:{ACCOUNT}:"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/firmware"
THROUGH_S3 = {"kms__ViaService": f"s3.{REGION}.amazonaws.com"}
TO_IOT = {"iam__PassedToService": "iot.amazonaws.com"}
OWN_TAG = {f"aws__ResourceTag/{names.STACK_TAG.replace(':', '__')}": STACK_ID}
OTHERS_TAG = {name: value.replace("stack/Prod/", "stack/Other/") for name, value in OWN_TAG.items()}


@pytest.fixture(scope="module")
def prod() -> Simulated:
    """Return a stack with a generated and an explicit id, encrypted firmware, AWS Signer, and functions in a VPC."""
    made: Stack = stack()
    key = kms.Key.from_key_arn(
        made, "FirmwareKey", made.format_arn(service="kms", resource="key", resource_name="firmware")
    )
    bucket = s3.Bucket.from_bucket_attributes(made, "Firmware", bucket_name="firmware", encryption_key=key)
    signed = s3.Bucket.from_bucket_name(made, "Signed", "signed")
    signing = CodeSigning.signer(destination_bucket=signed, profile_name="blinky", destination_prefix="ota/")
    common = {
        "provider": OtaUpdateProvider(made, "Provider", vpc=imported_vpc(made)),
        "role": OtaServiceRole(made, "Service"),
    }
    files = [ota_file(FileLocation.from_bucket(bucket, "ota/1.bin"), signing=signing)]
    ota_update(made, "Generated", Path(), files=files, **common)
    ota_update(made, "Explicit", Path(), files=files, ota_update_id="mine-1", **common)
    return Simulated(dict(template(made).to_json()))


def role(prod: Simulated, name: str) -> str:
    """Return the logical id of the role whose id starts like this."""
    return prod.find("AWS::IAM::Role", name)


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("cloudformation:DescribeStacks", STACK_ID, {}),
        ("iot:CreateOTAUpdate", f"{IOT}:otaupdate/Prod_Generated-0", {}),
        ("iot:DeleteOTAUpdate", f"{IOT}:otaupdate/Prod_Generated-0", {}),
        ("iot:CreateOTAUpdate", f"{IOT}:otaupdate/mine-1", {}),
        ("iot:DeleteOTAUpdate", f"{IOT}:otaupdate/mine-0", OWN_TAG),
        ("iot:GetOTAUpdate", f"{IOT}:otaupdate/mine-0", {}),
        ("iot:DeleteJob", f"{IOT}:job/AFR_OTA-Prod_Generated-0", {}),
        ("iot:DeleteStream", f"{IOT}:stream/AFR_OTA-0", {}),
        ("s3:GetObject", "arn:aws:s3:::firmware/ota/1.bin", {}),
        ("s3:GetObject", "arn:aws:s3:::firmware/ota/2.bin", {}),
        ("kms:Decrypt", KEY, THROUGH_S3),
        ("ec2:CreateNetworkInterface", "*", {}),
    ],
)
def test_the_function_may(prod: Simulated, action: str, resource: str, context: dict[str, str]) -> None:
    """The function's role allows every action of the lifecycle."""
    assert prod.allows(role(prod, "ProviderHandlerRole"), action, resource, **context)


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("cloudformation:DescribeStacks", STACK_ID.replace("Prod", "Other"), {}),
        ("cloudformation:DeleteStack", STACK_ID, {}),
        ("iot:CreateOTAUpdate", f"{IOT}:otaupdate/Prod-eu_Generated-0", {}),
        ("iot:CreateOTAUpdate", f"{IOT}:otaupdate/mine-2", {}),
        ("iot:DeleteOTAUpdate", f"{IOT}:otaupdate/Other_Generated-0", {}),
        ("iot:DeleteOTAUpdate", f"{IOT}:otaupdate/Other_Generated-0", OTHERS_TAG),
        ("iot:UntagResource", f"{IOT}:otaupdate/Other_Generated-0", OTHERS_TAG),
        ("iot:TagResource", f"{IOT}:otaupdate/Other_Generated-0", {}),
        ("iot:TagResource", f"{IOT}:otaupdate/Other_Generated-0", OWN_TAG),
        ("iot:TagResource", f"{IOT}:thing/bench", {}),
        ("iot:CreateJob", f"{IOT}:job/AFR_OTA-Prod_Generated-0", {}),
        ("iot:DeleteJob", f"{IOT}:job/another", {}),
        ("iot:DeleteStream", f"{IOT}:stream/another", {}),
        ("iot:DeleteThing", f"{IOT}:thing/bench", {}),
        ("s3:GetObject", "arn:aws:s3:::firmware/other/1.bin", {}),
        ("s3:GetObject", "arn:aws:s3:::firmware/ota/1.txt", {}),
        ("s3:PutObject", "arn:aws:s3:::firmware/ota/1.bin", {}),
        ("kms:Decrypt", KEY, {}),
        ("kms:Decrypt", KEY.replace("firmware", "other"), THROUGH_S3),
        ("ec2:CreateNetworkInterface", "*", {"lambda__SourceFunctionArn": "arn:aws:lambda:…:function:Handler"}),
        ("signer:StartSigningJob", f"{SIGNER}/signing-profiles/blinky", {}),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/admin", {}),
    ],
)
def test_the_function_may_not(prod: Simulated, action: str, resource: str, context: dict[str, str]) -> None:
    """The function's role denies access to other resources, and actions that its code does not need."""
    assert not prod.allows(role(prod, "ProviderHandlerRole"), action, resource, **context)


def test_the_function_passes_the_declared_role_to_aws_iot_only(prod: Simulated) -> None:
    """The function may pass only the declared role, and only to AWS IoT."""
    handler, service = role(prod, "ProviderHandlerRole"), prod.arn(role(prod, "Service"))
    assert prod.allows(handler, "iam:PassRole", service, **TO_IOT)
    assert not prod.allows(handler, "iam:PassRole", service, iam__PassedToService="lambda.amazonaws.com")
    assert not prod.allows(handler, "iam:PassRole", service)
    assert not prod.allows(handler, "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin", **TO_IOT)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iot:CreateJob", f"{IOT}:job/AFR_OTA-Prod_Generated-0"),
        ("iot:CreateJob", f"{IOT}:thinggroup/fleet"),
        ("iot:CreateStream", f"{IOT}:stream/AFR_OTA-0"),
        ("s3:GetObjectVersion", "arn:aws:s3:::firmware/ota/1.bin"),
        ("s3:GetObjectVersion", "arn:aws:s3:::firmware/ota/2.bin"),
        ("signer:StartSigningJob", f"{SIGNER}/signing-profiles/blinky"),
        ("s3:PutObject", "arn:aws:s3:::signed/ota/0"),
    ],
)
def test_aws_iot_may(prod: Simulated, action: str, resource: str) -> None:
    """The service role allows what AWS IoT does for an update."""
    assert prod.allows(role(prod, "Service"), action, resource)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iot:CreateJob", f"{IOT}:job/another"),
        ("iot:UpdateJob", f"{IOT}:job/AFR_OTA-Prod_Generated-0"),
        ("iot:DeleteStream", f"{IOT}:stream/another"),
        ("s3:GetObject", "arn:aws:s3:::firmware/other/1.bin"),
        ("s3:GetObject", "arn:aws:s3:::firmware/ota/1.txt"),
        ("s3:PutObject", "arn:aws:s3:::firmware/ota/1.bin"),
        ("s3:PutObject", "arn:aws:s3:::signed/other/0"),
        ("kms:Decrypt", KEY),
        ("signer:StartSigningJob", f"{SIGNER}/signing-profiles/other"),
        ("signer:PutSigningProfile", f"{SIGNER}/signing-profiles/blinky"),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin"),
    ],
)
def test_aws_iot_may_not(prod: Simulated, action: str, resource: str) -> None:
    """The service role denies access to what does not belong to the stack's updates."""
    assert not prod.allows(role(prod, "Service"), action, resource)


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("ProviderHandlerRole", "ProviderLogGroup"),
        ("ProviderOnEventRole", "ProviderFrameworkLogGroup"),
        ("ProviderIsCompleteRole", "ProviderFrameworkLogGroup"),
    ],
)
def test_each_function_writes_to_its_own_logs(prod: Simulated, name: str, group: str) -> None:
    """Each function may write only to its own log group, and may not create or delete groups."""
    own = prod.arn(prod.find("AWS::Logs::LogGroup", group)).removesuffix("*") + "log-stream:s"
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        assert prod.allows(role(prod, name), action, own)
        assert not prod.allows(role(prod, name), action, own.replace("Provider", "Other"))
    assert not prod.allows(role(prod, name), "logs:CreateLogGroup", own)
    assert not prod.allows(role(prod, name), "logs:DeleteLogGroup", own)


def test_the_framework_calls_the_function_and_its_own_parts(prod: Simulated) -> None:
    """The framework's roles may call the handler, start the state machine, and call nothing else."""
    handler = prod.arn(prod.find("AWS::Lambda::Function", "ProviderHandler"))
    machine = prod.arn(prod.find("AWS::StepFunctions::StateMachine", "Provider"))
    on_event, is_complete = role(prod, "ProviderOnEventRole"), role(prod, "ProviderIsCompleteRole")
    waiter = role(prod, "ProviderFrameworkwaiterstatemachineRole")
    for caller in (on_event, is_complete):
        assert prod.allows(caller, "lambda:InvokeFunction", handler)
        assert prod.allows(caller, "lambda:GetFunction", handler)
        assert not prod.allows(caller, "lambda:InvokeFunction", handler.replace("Handler", "Other"))
        assert not prod.allows(caller, "lambda:UpdateFunctionCode", handler)
    assert prod.allows(on_event, "states:StartExecution", machine)
    assert not prod.allows(is_complete, "states:StartExecution", machine)
    for name in ("isComplete", "onTimeout"):
        called = prod.arn(prod.find("AWS::Lambda::Function", f"ProviderFrameworkframework{name}"))
        assert prod.allows(waiter, "lambda:InvokeFunction", called)
    assert not prod.allows(waiter, "lambda:InvokeFunction", handler)
    assert prod.allows(waiter, "xray:PutTraceSegments", "*")
