"""The provider: its function, CDK's framework around it, and their settings."""

import json
from pathlib import Path
from typing import Any, cast, get_type_hints

import jsii
import pytest
from aws_cdk import Aspects, CfnResource, IAspect, RemovalPolicy, Stack, Tags
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import custom_resources as cr
from constructs import IConstruct

from cdk_iot_ota import OtaUpdateProvider

from .stacks import firmware, ota_update, stack, template, wrong

FUNCTIONS = 4  # the handler, and three of the framework


def resources(made: Stack, resource_type: str) -> list[dict[str, Any]]:
    """Return the properties of all resources of a type."""
    return [part.get("Properties", {}) for part in template(made).find_resources(resource_type).values()]


@pytest.fixture
def prod(tmp_path: Path) -> Stack:
    """Return a stack with one update and everything that comes with it."""
    made = stack()
    ota_update(made, "Blinky", firmware(tmp_path))
    return made


def test_every_function_has_a_current_runtime(prod: Stack) -> None:
    """The handler runs on Python 3.14, and the framework's functions on Node 22 or later."""
    runtimes = [str(function["Runtime"]) for function in resources(prod, "AWS::Lambda::Function")]
    assert len(runtimes) == FUNCTIONS
    assert "python3.14" in runtimes
    assert all(runtime == "python3.14" or runtime >= "nodejs22.x" for runtime in runtimes)


def test_all_logs_have_a_group_of_ours_and_an_end(prod: Stack) -> None:
    """Every function logs to a declared log group with a retention; that of the handler outlives the stack."""
    groups = template(prod).find_resources("AWS::Logs::LogGroup")
    assert len(groups) == 3
    assert all(group["Properties"]["RetentionInDays"] == 90 for group in groups.values())
    assert all(
        group["DeletionPolicy"] == ("Retain" if "ProviderLogGroup" in name else "Delete")
        for name, group in groups.items()
    )
    for function in resources(prod, "AWS::Lambda::Function"):
        assert function["LoggingConfig"]["LogGroup"]["Ref"] in groups


def test_the_state_machine_is_logged_and_traced(prod: Stack) -> None:
    """The state machine is traced and logs all steps, without the data that contains CloudFormation's URL."""
    (machine,) = resources(prod, "AWS::StepFunctions::StateMachine")
    logging = machine["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", False)
    group = logging["Destinations"][0]["CloudWatchLogsLogGroup"]["LogGroupArn"]["Fn::GetAtt"][0]
    name = template(prod).find_resources("AWS::Logs::LogGroup")[group]["Properties"]["LogGroupName"]
    assert name["Fn::Join"][1][:2] == ["/aws/vendedlogs/states/", {"Ref": "AWS::StackName"}]
    assert machine["TracingConfiguration"] == {"Enabled": True}


def test_the_retention_can_be_chosen(tmp_path: Path) -> None:
    """log_retention applies to all three log groups."""
    made = stack()
    provider = OtaUpdateProvider(made, "Provider", log_retention=logs.RetentionDays.ONE_WEEK)
    ota_update(made, "Blinky", firmware(tmp_path), provider=provider)
    assert [group["RetentionInDays"] for group in resources(made, "AWS::Logs::LogGroup")] == [7, 7, 7]


def test_a_key_encrypts_logs_and_environments(tmp_path: Path) -> None:
    """encryption_key encrypts all log groups and environments, and CloudWatch Logs may use it for logs only."""
    made = stack()
    key = kms.Key(made, "Key")
    ota_update(made, "Blinky", firmware(tmp_path), provider=OtaUpdateProvider(made, "Provider", encryption_key=key))
    arn = {"Fn::GetAtt": [made.resolve(cast(kms.CfnKey, key.node.default_child).logical_id), "Arn"]}
    assert [group["KmsKeyId"] for group in resources(made, "AWS::Logs::LogGroup")] == [arn] * 3
    assert [function["KmsKeyArn"] for function in resources(made, "AWS::Lambda::Function")] == [arn] * FUNCTIONS
    policies = [policy for role in resources(made, "AWS::IAM::Role") for policy in role.get("Policies", [])]
    reads = [one["PolicyDocument"]["Statement"][0] for one in policies if one["PolicyName"] == "ReadEnvironment"]
    assert [one["Condition"] for one in reads] == [{"Null": {"lambda:SourceFunctionArn": "true"}}] * 3
    (policy,) = [part["KeyPolicy"] for part in resources(made, "AWS::KMS::Key")]
    (statement,) = [one for one in policy["Statement"] if "logs." in json.dumps(one["Principal"])]
    assert "log-group:*" in json.dumps(statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"])


def test_an_imported_key_is_taken_as_it_is(tmp_path: Path) -> None:
    """An imported key encrypts the logs without a change of its policy."""
    made = stack()
    key = kms.Key.from_key_arn(made, "Key", made.format_arn(service="kms", resource="key", resource_name="k"))
    ota_update(made, "Blinky", firmware(tmp_path), provider=OtaUpdateProvider(made, "Provider", encryption_key=key))
    assert all("KmsKeyId" in group for group in resources(made, "AWS::Logs::LogGroup"))


def test_anything_but_a_key_is_rejected() -> None:
    """An encryption_key of another type is an error that names Key.from_key_arn."""
    with pytest.raises(TypeError, match=r"Prod/Provider: encryption_key must be a kms.IKey, got 'arn'"):
        OtaUpdateProvider(stack(), "Provider", encryption_key="arn")  # type: ignore[arg-type]


def test_anything_but_a_vpc_is_rejected() -> None:
    """A vpc of another type is an error that names Vpc.from_lookup."""
    with pytest.raises(TypeError, match=r"Prod/Provider: vpc must be an ec2.IVpc, got 'vpc-1': see Vpc.from"):
        OtaUpdateProvider(stack(), "Provider", vpc=wrong("vpc-1"))


def test_functions_run_in_a_vpc(tmp_path: Path) -> None:
    """All functions run in the VPC, and only the Lambda service can use the network permissions of their roles."""
    made = stack()
    vpc = ec2.Vpc(made, "Vpc")
    ota_update(made, "Blinky", firmware(tmp_path), provider=OtaUpdateProvider(made, "Provider", vpc=vpc))
    functions = [one for one in resources(made, "AWS::Lambda::Function") if "VpcConfig" in one]
    assert len(functions) == FUNCTIONS
    roles = {function["Role"]["Fn::GetAtt"][0] for function in functions}
    for role in roles:
        policies = template(made).find_resources("AWS::IAM::Role")[role]["Properties"]["Policies"]
        (statement,) = [
            policy["PolicyDocument"]["Statement"][0] for policy in policies if policy["PolicyName"] == "JoinVpc"
        ]
        assert statement["Condition"] == {"Null": {"lambda:SourceFunctionArn": "true"}}


def test_subnets_and_security_groups_are_passed_on(tmp_path: Path) -> None:
    """vpc_subnets and security_groups reach the functions."""
    made = stack()
    vpc = ec2.Vpc(made, "Vpc")
    group = ec2.SecurityGroup(made, "Group", vpc=vpc)
    subnets = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)
    with pytest.raises(RuntimeError, match="public subnet"):
        OtaUpdateProvider(made, "Public", vpc=vpc, vpc_subnets=subnets, security_groups=[group])
    provider = OtaUpdateProvider(made, "Provider", vpc=vpc, security_groups=[group])
    ota_update(made, "Blinky", firmware(tmp_path), provider=provider)
    assert len(template(made).find_resources("AWS::EC2::SecurityGroup")) == 1


@pytest.mark.parametrize("argument", ["vpc_subnets", "security_groups"])
def test_a_network_without_a_vpc_is_refused(argument: str) -> None:
    """vpc_subnets and security_groups are rejected without a vpc."""
    value: Any = ec2.SubnetSelection() if argument == "vpc_subnets" else []
    with pytest.raises(ValueError, match=rf"Prod/Provider: {argument} needs a vpc, got none: give the vpc as well"):
        OtaUpdateProvider(stack(), "Provider", **{argument: value})


def test_a_permissions_boundary_reaches_every_role(prod: Stack) -> None:
    """A permissions boundary on the stack applies to all roles, including the framework's."""
    boundary = iam.ManagedPolicy.from_managed_policy_name(prod, "Boundary", "boundary")
    iam.PermissionsBoundary.of(prod).apply(boundary)
    roles = resources(prod, "AWS::IAM::Role")
    assert len(roles) == 5
    assert all("PermissionsBoundary" in role for role in roles)


def test_tags_reach_everything_that_has_tags(prod: Stack) -> None:
    """Tags.of reaches every resource that can have tags."""
    Tags.of(prod).add("team", "devices")
    without = {"AWS::IAM::Policy"}
    for name, part in template(prod).to_json()["Resources"].items():
        assert part["Type"] in without or {"Key": "team", "Value": "devices"} in part["Properties"]["Tags"], name


def test_the_role_is_typed_as_a_role_of_cdk() -> None:
    """The type of `OtaUpdateProvider.role` is `iam.Role`, and not a class that users cannot import."""
    prod = stack()
    assert get_type_hints(cast(property, OtaUpdateProvider.role).fget)["return"] is iam.Role
    assert isinstance(OtaUpdateProvider(prod, "Provider").role, iam.Role)


def test_an_aspect_reaches_everything(prod: Stack) -> None:
    """An aspect visits every resource of the stack."""
    seen: set[str] = set()

    @jsii.implements(IAspect)
    class Look:
        def visit(self, node: IConstruct) -> None:
            if isinstance(node, CfnResource):
                seen.add(prod.resolve(node.logical_id))

    Aspects.of(prod).add(cast(IAspect, Look()))
    declared = set(template(prod).to_json()["Resources"])
    assert seen >= declared


def test_settings_for_all_custom_resources_reach_the_log_groups(prod: Stack) -> None:
    """CDK's `CustomResourceConfig` sets retention and removal policy of all three log groups of the provider."""
    config = cr.CustomResourceConfig.of(prod.node.root)
    config.add_log_retention_lifetime(logs.RetentionDays.TEN_YEARS)
    config.add_removal_policy(RemovalPolicy.RETAIN)
    groups = template(prod).find_resources("AWS::Logs::LogGroup").values()
    assert [(group["Properties"]["RetentionInDays"], group["DeletionPolicy"]) for group in groups] == [
        (3653, "Retain")
    ] * 3
