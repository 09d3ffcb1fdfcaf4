"""Every statement of the policies, in full: a wrong action, resource or condition is a wrong permission."""

import re
from pathlib import Path
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import (
    CodeSigning,
    FileLocation,
    OtaFile,
    OtaServiceRole,
    OtaUpdateProvider,
    RolloutGate,
    SigningPlatform,
    SigningProfile,
)

from .stacks import firmware, ota_file, ota_update, stack, template

IOT = "arn:<AWS::Partition>:iot:<AWS::Region>:<AWS::AccountId>"
SIGNER = "arn:<AWS::Partition>:signer:<AWS::Region>:<AWS::AccountId>:"
FIRMWARE, SIGNED = ("arn:<AWS::Partition>:s3:::firmware", "arn:<AWS::Partition>:s3:::signed")
ANY_JOB, OUR_JOBS = f"{IOT}:job/AFR_OTA-*", f"{IOT}:job/AFR_OTA-Prod_*"
THROUGH_S3 = {
    "StringEquals": {"kms:ViaService": ["s3.<AWS::Region>.amazonaws.com", "s3.<AWS::Region>.<AWS::URLSuffix>"]}
}
KEY = "arn:aws:kms:eu-west-1:111122223333:key/k"

HANDLER_UPDATES = {
    "Stack": (["cloudformation:DescribeStacks"], ["<AWS::StackId>"]),
    "Updates": (
        [
            "iot:CreateOTAUpdate",
            "iot:DeleteOTAUpdate",
            "iot:GetOTAUpdate",
            "iot:ListTagsForResource",
            "iot:TagResource",
            "iot:UntagResource",
        ],
        [f"{IOT}:otaupdate/Prod_*"],
    ),
}
PASS_ROLE = {
    "PassRole": (
        ["iam:PassRole"],
        ["<OtaServiceRole.Arn>"],
        {"StringEquals": {"iam:PassedToService": "iot.amazonaws.com"}},
    )
}
STREAMS = {"Streams": (["iot:DeleteStream"], [f"{IOT}:stream/AFR_OTA-*"])}
SERVICE = {
    "Jobs": (["iot:CreateJob", "iot:DeleteJob", "iot:DescribeJob"], [OUR_JOBS]),
    "Targets": (["iot:CreateJob"], [f"{IOT}:thing/*", f"{IOT}:thinggroup/*"]),
    "Streams": (["iot:CreateStream", "iot:DeleteStream"], [f"{IOT}:stream/AFR_OTA-*"]),
    "Self": (["iam:GetRole", "iam:PassRole"], ["<OtaServiceRole.Arn>"]),
}
READ = ["s3:GetObject", "s3:GetObjectVersion"]
READ_BUCKET = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions"]


def flat(value: Any) -> Any:
    """Return a value of a template with each intrinsic as text between angle brackets."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return separator.join(flat(part) for part in parts)
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{re.sub('[0-9A-F]{8}$', '', name)}.{attribute}>"
        case {"Ref": name}:
            return f"<{name if name.startswith('AWS::') else re.sub('[0-9A-F]{8}$', '', name)}>"
        case dict():
            return {name: flat(item) for name, item in value.items()}
        case list():
            return [flat(item) for item in value]
    return value


def granted(made: Stack, role: str) -> dict[str, Any]:
    """Return the statements of all updates' policies of a role, by policy and Sid."""
    found: dict[str, Any] = {}
    for logical_id, part in template(made).to_json()["Resources"].items():
        if part["Type"] not in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy") or "OtaPermissions" not in logical_id:
            continue
        properties = part["Properties"]
        if flat(properties["Roles"]) != [f"<{role}>"]:
            continue
        assert properties["PolicyDocument"]["Version"] == "2012-10-17"
        for statement in properties["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            lists = [
                flat(value if isinstance(value, list) else [value])
                for value in (statement["Action"], statement["Resource"])
            ]
            condition = [flat(statement["Condition"])] if "Condition" in statement else []
            policy = re.sub("(?:[0-9a-f]{8})+(?=[A-Z-]|$)|-[0-9a-f]{8}$", "", properties.get("PolicyName", "managed"))
            name = f"{policy.removeprefix('Prod_OtaPermissions')} {statement['Sid']}"
            assert name not in found
            found[name] = (*lists, *condition)
    return found


def named(policy: str, statements: dict[str, Any]) -> dict[str, Any]:
    """Return statements with the name of their policy."""
    return {f"{policy} {sid}": statement for sid, statement in statements.items()}


def bucket(made: Stack, name: str, *, encrypted: bool = False) -> s3.IBucket:
    """Import a bucket."""
    key = kms.Key.from_key_arn(made, f"{name}Key", KEY) if encrypted else None
    return s3.Bucket.from_bucket_attributes(made, name, bucket_name=name, encryption_key=key)


def in_firmware(made: Stack, *, encrypted: bool = False, **options: Any) -> None:
    """Declare an update with an object of a bucket."""
    location = FileLocation.from_bucket(bucket(made, "firmware", encrypted=encrypted), "v1/a.bin")
    ota_update(made, "Blinky", Path(), **{"files": [ota_file(location)], **options})


READ_ROLLOUTS = ["iot:DescribeJob", "iot:DescribeJobExecution", "iot:ListJobExecutionsForJob"]
HANDLER, SERVICE_ROLE = "OtaUpdateProviderHandlerRole", "OtaServiceRole"


def test_the_handlers_permissions_for_a_generated_id() -> None:
    """The handler may do this for an update with a generated id and a gate, and nothing else."""
    prod = stack()
    in_firmware(prod, gate=RolloutGate())
    assert granted(prod, HANDLER) == {
        **named("HandlerJobsStreamsRollouts", {**HANDLER_UPDATES, **STREAMS}),
        "HandlerJobsStreamsRollouts Jobs": (["iot:CancelJob", "iot:DeleteJob"], [OUR_JOBS]),
        "HandlerJobsStreamsRollouts Rollouts": (READ_ROLLOUTS, [OUR_JOBS]),
        "HandlerJobsStreamsRollouts Devices": (["iot:DescribeJobExecution"], [f"{IOT}:thing/*"]),
        **named("PassRole", PASS_ROLE),
        "HandlerReads Objects": (["s3:GetObject"], [f"{FIRMWARE}/v1/*.bin"]),
    }


def test_the_handlers_permissions_for_a_declared_version() -> None:
    """The handler looks up a declared version by another action, and the current one with no permission for it."""
    prod = stack()
    location = FileLocation.from_bucket(bucket(prod, "firmware"), "v1/a.bin", version="v")
    ota_update(prod, "Blinky", Path(), files=[ota_file(location)])
    found = granted(prod, HANDLER)
    assert {name: found[name] for name in found if "Reads" in name} == {
        "HandlerReadsVersions Objects": (["s3:GetObjectVersion"], [f"{FIRMWARE}/v1/*.bin"])
    }


def test_the_handlers_permissions_without_delete_options() -> None:
    """The handler may touch no job and no stream if the delete options do not ask for it."""
    prod = stack()
    in_firmware(prod, delete_stream=False, force_delete_job=False)
    found = granted(prod, HANDLER)
    assert {name: found[name] for name in found if "Handler " in name} == named("Handler", HANDLER_UPDATES)


def test_the_handlers_permissions_for_an_explicit_id() -> None:
    """The handler may do this for updates with explicit ids, one of which has a gate, and nothing else."""
    prod = stack()
    in_firmware(prod, ota_update_id="mine", gate=RolloutGate())
    ota_update(prod, "Other", Path(), files=[ota_file(FileLocation.from_stream("s", 0))])
    ota_update(
        prod,
        "Third",
        Path(),
        files=[ota_file(FileLocation.from_stream("s", 0))],
        ota_update_id="third",
    )
    jobs = (["iot:CancelJob", "iot:DeleteJob"], [ANY_JOB])
    owned = {"StringEquals": {"aws:ResourceTag/cdk-iot-ota:stack-id": "<AWS::StackId>"}}
    assert granted(prod, HANDLER) == {
        **named("HandlerAnyJobsStreamsAnyRollouts", {**HANDLER_UPDATES, **STREAMS, "AnyJobs": jobs}),
        "HandlerAnyJobsStreamsAnyRollouts AnyRollouts": (READ_ROLLOUTS, [ANY_JOB]),
        "HandlerAnyJobsStreamsAnyRollouts Devices": (["iot:DescribeJobExecution"], [f"{IOT}:thing/*"]),
        **named("HandlerJobsStreams", {**HANDLER_UPDATES, **STREAMS}),
        "HandlerJobsStreams Jobs": (["iot:CancelJob", "iot:DeleteJob"], [OUR_JOBS]),
        **named("HandlerAnyJobsStreams", {**HANDLER_UPDATES, **STREAMS, "AnyJobs": jobs}),
        **named("PassRole", PASS_ROLE),
        "HandlerReads Objects": (["s3:GetObject"], [f"{FIRMWARE}/v1/*.bin"]),
        "HandlerOwnUpdates AnyUpdates": (["iot:GetOTAUpdate", "iot:ListTagsForResource"], [f"{IOT}:otaupdate/*"]),
        "HandlerOwnUpdates OwnUpdates": (["iot:DeleteOTAUpdate", "iot:UntagResource"], [f"{IOT}:otaupdate/*"], owned),
        "managed DeclaredUpdates": (
            ["iot:CreateOTAUpdate", "iot:TagResource"],
            [f"{IOT}:otaupdate/mine", f"{IOT}:otaupdate/third"],
        ),
    }


def test_the_services_permissions_for_an_encrypted_bucket() -> None:
    """The service may do this for an update with an object of an encrypted bucket, and nothing else."""
    prod = stack()
    in_firmware(prod, encrypted=True)
    assert granted(prod, SERVICE_ROLE) == {
        **named("Service", SERVICE),
        "ServiceReads Objects": (READ, [f"{FIRMWARE}/v1/*.bin"]),
        "ServiceReads Bucket": (READ_BUCKET, [FIRMWARE]),
        "ServiceReads Decrypt": (["kms:Decrypt"], [KEY], THROUGH_S3),
    }
    assert granted(prod, HANDLER)["HandlerReads Decrypt"] == (["kms:Decrypt"], [KEY], THROUGH_S3)
    assert "HandlerReads Bucket" not in granted(prod, HANDLER)


def test_one_import_of_a_bucket_that_knows_its_key_is_enough() -> None:
    """Of two imports of a bucket either one may give its key, in any order."""
    prod = stack()
    imports = [
        s3.Bucket.from_bucket_attributes(prod, f"B{number}", bucket_name="firmware", encryption_key=key)
        for number, key in enumerate((None, kms.Key.from_key_arn(prod, "Key", KEY), None))
    ]
    for number, one in enumerate(imports):
        location = FileLocation.from_bucket(one, "v1/a.bin")
        ota_update(prod, f"Blinky{number}", Path(), files=[ota_file(location)])
    assert granted(prod, HANDLER)["HandlerReads Decrypt"] == (["kms:Decrypt"], [KEY], THROUGH_S3)
    assert granted(prod, SERVICE_ROLE)["ServiceReads Decrypt"] == (["kms:Decrypt"], [KEY], THROUGH_S3)


def test_the_services_permissions_for_an_explicit_id() -> None:
    """The service may use any OTA job for an update with an explicit id."""
    prod = stack()
    in_firmware(prod, ota_update_id="mine")
    found = granted(prod, SERVICE_ROLE)
    any_jobs = (["iot:CreateJob", "iot:DeleteJob", "iot:DescribeJob"], [ANY_JOB])
    assert {name: found[name] for name in found if "Reads" not in name} == {
        **named("Service", SERVICE),
        "ServiceExplicitIds AnyJobs": any_jobs,
    }


def test_the_services_permissions_for_signing() -> None:
    """The service may use the declared profiles and write below the declared prefixes of an encrypted bucket."""
    prod = stack()
    place, signed = FileLocation.from_bucket(bucket(prod, "firmware"), "a"), bucket(prod, "signed", encrypted=True)
    profile = SigningProfile(
        certificate_arn="arn:aws:acm:eu-west-1:111122223333:certificate/c",
        platform=SigningPlatform.AMAZON_FREERTOS_DEFAULT,
        certificate_path_on_device="/signer.pem",
    )
    signings = {
        "/a": CodeSigning.signer(destination_bucket=signed, profile_name="used", destination_prefix="b/"),
        "/b": CodeSigning.signer(destination_bucket=signed, profile=profile, profile_name="made"),
        "/c": CodeSigning.signer(destination_bucket=signed, profile=profile, destination_prefix="a/"),
    }
    ota_update(
        prod, "Blinky", Path(), files=[ota_file(place, name=name, signing=one) for name, one in signings.items()]
    )
    found = granted(prod, SERVICE_ROLE)
    profiles = f"{SIGNER}/signing-profiles/"
    assert {name: found[name] for name in found if "Signs" in name} == {
        "ServiceSigns SigningJobs": (["signer:DescribeSigningJob"], [f"{SIGNER}/signing-jobs/*"]),
        "ServiceSigns SigningProfiles": (
            ["signer:GetSigningProfile", "signer:StartSigningJob"],
            [f"{profiles}*", f"{profiles}made", f"{profiles}used"],
        ),
        "ServiceSigns NewSigningProfiles": (["signer:PutSigningProfile"], [f"{profiles}*", f"{profiles}made"]),
        "ServiceSigns Signed": ([*READ, "s3:PutObject"], [f"{SIGNED}/*", f"{SIGNED}/a/*", f"{SIGNED}/b/*"]),
        "ServiceSigns SignedBucket": (READ_BUCKET, [SIGNED]),
        "ServiceSigns SignedKey": (["kms:Decrypt", "kms:GenerateDataKey"], [KEY], THROUGH_S3),
    }


def test_the_services_permissions_for_finished_signing_jobs() -> None:
    """The service may read signing jobs, whose names are random, and needs no profile and no bucket for them."""
    prod = stack()
    files = [OtaFile(name=f"/{job}", signing=CodeSigning.signer_job(job)) for job in ("b", "a")]
    ota_update(prod, "Blinky", Path(), files=files)
    assert granted(prod, SERVICE_ROLE) == {
        **named("Service", SERVICE),
        "ServiceSignsJobs SigningJobs": (["signer:DescribeSigningJob"], [f"{SIGNER}/signing-jobs/*"]),
    }


def test_the_trust_of_the_service_role(tmp_path: Path) -> None:
    """AWS IoT may assume the role on behalf of the stack's account and Region only, within a declared boundary."""
    prod = stack()
    boundary = iam.ManagedPolicy.from_managed_policy_arn(prod, "Boundary", "arn:aws:iam::111122223333:policy/b")
    role = OtaServiceRole(prod, "OtaServiceRole", role_name="ota", permissions_boundary=boundary)
    ota_update(prod, "Blinky", firmware(tmp_path), role=role)
    (found,) = template(prod).find_resources("AWS::IAM::Role", {"Properties": {"RoleName": "ota"}}).values()
    assert flat(found["Properties"]) == {
        "RoleName": "ota",
        "PermissionsBoundary": "arn:aws:iam::111122223333:policy/b",
        "Description": found["Properties"]["Description"],
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"Service": "iot.amazonaws.com"},
                    "Condition": {
                        "StringEquals": {"aws:SourceAccount": "<AWS::AccountId>"},
                        "ArnLike": {"aws:SourceArn": f"{IOT}:*"},
                    },
                }
            ],
        },
    }


def test_roles_and_providers_have_separate_policies() -> None:
    """Updates share the policies of their provider and role, and another provider or role has others."""
    prod = stack()
    provider, role = OtaUpdateProvider(prod, "Own"), OtaServiceRole(prod, "Role")
    uses: dict[str, dict[str, Any]] = {
        "A": {},
        "B": {},
        "C": {"provider": provider},
        "D": {"provider": provider},
        "E": {"provider": provider, "role": role},
    }
    for name, options in uses.items():
        ota_update(prod, name, Path(), files=[ota_file(FileLocation.from_stream("s", 0))], **options)
    expected = named("HandlerJobsStreams", {**HANDLER_UPDATES, **STREAMS})
    expected["HandlerJobsStreams Jobs"] = (["iot:CancelJob", "iot:DeleteJob"], [OUR_JOBS])
    assert granted(prod, HANDLER) == {**expected, **named("PassRole", PASS_ROLE)}
    resources = template(prod).to_json()["Resources"].items()
    policies = [name for name, part in resources if part["Type"] == "AWS::IAM::Policy" and "OtaPermissions" in name]
    # By provider and role: the handler's, what it passes on, and the service's.
    assert len(policies) == (1 + 1 + 1) + (1 + 2 + 2)
    own = [
        name for name, part in resources if name in policies and "<OwnHandlerRole>" in flat(part["Properties"]["Roles"])
    ]
    assert len(own) == 1 + 2
