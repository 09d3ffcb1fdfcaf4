"""The apps that are compared: N updates of one image in a bucket, with one signature, each for another thing group.

Each is written as a user would write it in Python, with the permissions that it needs and no others. All import the
modules of CDK that an app with buckets and functions imports anyway. Only those with the library import the library,
which is a part of what is measured: so they are in another module.
"""

import base64
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from aws_cdk import Aws, CfnResource, CustomResource, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3  # noqa: F401 (see above)
from aws_cdk import custom_resources as cr

BUCKET, KEY = "firmware-of-the-benchmarks", "blinky.bin"
#: A signature in DER; AWS IoT and the emulator do not verify it. Devices expect its base64 as the blob.
SIGNATURE = bytes.fromhex("3006020101020101")
CERTIFICATE = "/certificates/signer.pem"
_HAND_WRITTEN = Path(__file__).with_name("hand_written")

#: Adds N updates to a stack. ``content`` is their description: other content replaces them.
Declare = Callable[[Stack, int, str], None]


def empty(stack: Stack, updates: int, content: str) -> None:
    """Declare nothing: what CDK itself takes."""


def native(stack: Stack, updates: int, content: str) -> None:
    """Declare the native type of CloudFormation, which has no class in the pinned release of the CDK."""
    role = _role(stack)
    for number in range(updates):
        CfnResource(
            stack,
            f"Update{number}",
            type="AWS::IoT::OTAUpdate",
            properties={
                "OtaUpdateId": _id(stack, number, content),
                "Description": content,
                "Targets": [_target(number)],
                "RoleArn": role.role_arn,
                "Files": [_capitalized(_file())],
            },
        )


def custom_resource(stack: Stack, updates: int, content: str) -> None:
    """Declare calls of the SDK through AwsCustomResource, each with permissions on its update alone."""
    role = _role(stack)
    for number in range(updates):
        ota_update_id = _id(stack, number, content)
        create = cr.AwsSdkCall(
            service="iot",
            action="createOTAUpdate",
            parameters=_request(ota_update_id, number, content, role.role_arn),
            physical_resource_id=cr.PhysicalResourceId.of(ota_update_id),
        )
        delete = cr.AwsSdkCall(
            service="iot",
            action="deleteOTAUpdate",
            parameters={"otaUpdateId": ota_update_id, "deleteStream": True, "forceDeleteAWSJob": True},
        )
        cr.AwsCustomResource(
            stack,
            f"Update{number}",
            on_create=create,
            on_update=create,
            on_delete=delete,
            install_latest_aws_sdk=False,
            policy=cr.AwsCustomResourcePolicy.from_statements(
                [
                    iam.PolicyStatement(
                        actions=["iot:CreateOTAUpdate", "iot:DeleteOTAUpdate"], resources=[_arn(ota_update_id)]
                    ),
                    iam.PolicyStatement(actions=["iam:PassRole"], resources=[role.role_arn]),
                    _delete_by_force(ota_update_id),
                ]
            ),
        )


def provider(stack: Stack, updates: int, content: str) -> None:
    """Declare a hand-written function in CDK's Provider framework, which waits until each update is created."""
    role = _role(stack)
    function, is_complete = (
        lambda_.Function(
            stack,
            name,
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler=handler,
            code=lambda_.Code.from_asset(str(_HAND_WRITTEN), exclude=["__init__.py", "__pycache__"]),
            timeout=Duration.minutes(5),
        )
        for name, handler in (("Handler", "index.on_event"), ("IsComplete", "index.is_complete"))
    )
    updates_of_the_stack = _arn(f"{stack.stack_name}-*")
    for grantee, actions in (
        (function, ["iot:CreateOTAUpdate", "iot:DeleteOTAUpdate"]),
        (is_complete, ["iot:GetOTAUpdate"]),
    ):
        grantee.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=[updates_of_the_stack]))
    function.add_to_role_policy(iam.PolicyStatement(actions=["iam:PassRole"], resources=[role.role_arn]))
    function.add_to_role_policy(_delete_by_force(f"{stack.stack_name}-*"))
    framework = cr.Provider(
        stack,
        "Provider",
        on_event_handler=cast(lambda_.IFunction, function),
        is_complete_handler=cast(lambda_.IFunction, is_complete),
        query_interval=Duration.seconds(5),
    )
    for number in range(updates):
        CustomResource(
            stack,
            f"Update{number}",
            resource_type="Custom::OtaUpdate",
            service_token=framework.service_token,
            properties={"Request": _request(_id(stack, number, content), number, content, role.role_arn)},
        )


def ours(stack: Stack, updates: int, content: str) -> None:
    """Declare updates with the library, and the role that it creates by default."""
    from . import library

    library.declare(stack, updates, content)


def ours_own_role(stack: Stack, updates: int, content: str) -> None:
    """Declare updates with the library, and a role that the app declares, like the alternatives."""
    from . import library

    library.declare(stack, updates, content, _role(stack))


#: By the name in the tables. Each declares the same, except the empty stack.
APPS: Mapping[str, Declare] = {
    "empty stack": empty,
    "AWS::IoT::OTAUpdate": native,
    "AwsCustomResource": custom_resource,
    "hand-written Provider": provider,
    "cdk-iot-ota": ours,
    "cdk-iot-ota, own role": ours_own_role,
}


def group(number: int) -> str:
    """Return the name of the thing group of an update."""
    return f"fleet-{number}"


def _id(stack: Stack, number: int, content: str) -> str:
    return f"{stack.stack_name}-{number}-{content}"


def _arn(name: str, kind: str = "otaupdate") -> str:
    return f"{_prefix()}:{kind}/{name}"


@functools.cache
def _prefix() -> str:
    """Return the beginning of the ARNs of AWS IoT. Each reading of a pseudo parameter is a call over the border."""
    return f"arn:{Aws.PARTITION}:iot:{Aws.REGION}:{Aws.ACCOUNT_ID}"


def _target(number: int) -> str:
    return _arn(group(number), "thinggroup")


def _role(stack: Stack) -> iam.Role:
    """Declare the role that AWS IoT assumes, with the permissions of the library's default role.

    They are in the role itself, so that an update that refers to the role depends on them; hence the fixed name.
    """
    name, objects = f"{stack.stack_name}-ota", f"arn:{Aws.PARTITION}:s3:::{BUCKET}"
    jobs, streams = (_arn("AFR_OTA-*", kind) for kind in ("job", "stream"))
    allowed = (
        (["iot:CreateJob", "iot:DeleteJob", "iot:DescribeJob"], [jobs]),
        (["iot:CreateJob"], [_arn("*", "thing"), _arn("*", "thinggroup")]),
        (["iot:CreateStream", "iot:DeleteStream"], [streams]),
        (["iam:GetRole", "iam:PassRole"], [f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/{name}"]),
        (["s3:GetObject", "s3:GetObjectVersion"], [f"{objects}/{KEY}"]),
        (["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions"], [objects]),
    )
    statements = [iam.PolicyStatement(actions=actions, resources=resources) for actions, resources in allowed]
    return iam.Role(
        stack,
        "Role",
        role_name=name,
        assumed_by=cast(iam.IPrincipal, iam.ServicePrincipal("iot.amazonaws.com")),
        inline_policies={"OtaUpdates": iam.PolicyDocument(statements=statements)},
    )


def _delete_by_force(ota_update_id: str) -> iam.PolicyStatement:
    """Allow what DeleteOTAUpdate does for its caller: delete the job, and the stream, whose id AWS IoT invents."""
    return iam.PolicyStatement(
        actions=["iot:CancelJob", "iot:DeleteJob", "iot:DeleteStream"],
        resources=[_arn(f"AFR_OTA-{ota_update_id}", "job"), _arn("AFR_OTA-*", "stream")],
    )


def _file() -> dict[str, Any]:
    return {
        "fileName": "/firmware/blinky.bin",
        "fileLocation": {"s3Location": {"bucket": BUCKET, "key": KEY}},
        "codeSigning": {
            "customCodeSigning": {
                "signature": {"inlineDocument": base64.b64encode(SIGNATURE).decode()},
                "certificateChain": {"certificateName": CERTIFICATE},
                "hashAlgorithm": "SHA256",
                "signatureAlgorithm": "ECDSA",
            }
        },
    }


def _request(ota_update_id: str, number: int, content: str, role_arn: str) -> dict[str, Any]:
    return {
        "otaUpdateId": ota_update_id,
        "description": content,
        "targets": [_target(number)],
        "roleArn": role_arn,
        "files": [_file()],
    }


def _capitalized(value: Any) -> Any:
    """Return the API's names as CloudFormation writes them."""
    if isinstance(value, dict):
        return {f"{name[0].upper()}{name[1:]}": _capitalized(part) for name, part in value.items()}
    return value
