"""cdk-nag's rule packs on the example and on a stack with every possible declaration."""

from pathlib import Path
from typing import Any

import aws_cdk
import pytest
from aws_cdk import aws_iam as iam
from cdk_nag import AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks, PCIDSS321Checks

from cdk_iot_ota import OtaUpdateProvider
from cdk_iot_ota._iam.role_policy import RolePolicy
from cdk_iot_ota._iam.sized_role import SizedRole
from cdk_iot_ota._iam.statements import Statement
from cdk_iot_ota._synth.casts import as_principal
from tests.construct.everything import imported_vpc
from tests.construct.stacks import firmware, ota_update, stack, template
from tests.security.apps import APPS, Declare, everything, example

PACKS = (AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks, PCIDSS321Checks)

# The rules with acknowledged findings in the example; all other rules hold.
KNOWN = {
    "AwsSolutions-IAM5",
    "HIPAA.Security-CloudWatchLogGroupEncrypted",
    "HIPAA.Security-IAMNoInlinePolicy",
    "HIPAA.Security-LambdaConcurrency",
    "HIPAA.Security-LambdaDLQ",
    "HIPAA.Security-LambdaInsideVPC",
    "NIST.800.53.R5-CloudWatchLogGroupEncrypted",
    "NIST.800.53.R5-IAMNoInlinePolicy",
    "NIST.800.53.R5-LambdaConcurrency",
    "NIST.800.53.R5-LambdaDLQ",
    "NIST.800.53.R5-LambdaInsideVPC",
    "PCI.DSS.321-CloudWatchLogGroupEncrypted",
    "PCI.DSS.321-IAMNoInlinePolicy",
    "PCI.DSS.321-LambdaInsideVPC",
}
# The wildcard resources in the statements of this library and of CDK's framework.
WILDCARDS = {
    ":otaupdate/BlinkyFirmware_*",
    ":job/AFR_OTA-BlinkyFirmware_*",
    ":stream/AFR_OTA-*",
    ":thing/*",
    ":thinggroup/*",
    "/*.bin",
    "*",
    "Handler.Arn:*",
    "isComplete.Arn:*",
    "onTimeout.Arn:*",
}


def findings(pack: Any, root: Any) -> dict[str, list[str]]:
    """Synthesize an app and return what a pack finds in our constructs: their paths by rule."""
    root.synth()
    found = pack(root).validate_scope(root).violations
    paths = {
        violation.rule_name: [str(resource.construct_path) for resource in violation.violating_resources]
        for violation in found
    }
    ours = {rule: [path for path in where if "/Ota" in path or "/Provider/" in path] for rule, where in paths.items()}
    return {rule: where for rule, where in ours.items() if where}


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("declare", APPS)
def test_a_pack_finds_nothing_that_has_no_reason(pack: Any, declare: Declare, tmp_path: Path) -> None:
    """The constructs acknowledge every finding of every pack."""
    assert findings(pack, declare(tmp_path)) == {}


def test_the_packs_let_an_app_pass(tmp_path: Path) -> None:
    """An app with the packs as validation plugins synthesizes, which any finding would prevent."""
    app = everything(tmp_path)
    aws_cdk.Validations.of(app).add_plugins(*(pack(app) for pack in PACKS))
    app.synth()


def test_reasons_are_given_for_what_is_found_and_for_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without acknowledgements, the packs find exactly the known findings."""
    monkeypatch.delattr(aws_cdk, "Validations")
    root = example(tmp_path)
    found = {rule for pack in PACKS for rule in findings(pack, root)}
    assert {rule.partition("[")[0] for rule in found} == KNOWN
    resources = {rule.partition("Resource::")[2].rstrip("]") for rule in found if "[Resource::" in rule}
    unknown = {one for one in resources if not any(_is(one, known) for known in WILDCARDS)}
    assert not unknown
    assert not [known for known in WILDCARDS if not any(_is(one, known) for one in resources)]


def test_a_vpc_and_a_key_leave_less_to_acknowledge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider with a VPC and a key has none of the findings about them, even without acknowledgements."""
    monkeypatch.delattr(aws_cdk, "Validations")
    found = findings(HIPAASecurityChecks, everything(tmp_path))
    for rule in ("HIPAA.Security-LambdaInsideVPC", "HIPAA.Security-CloudWatchLogGroupEncrypted"):
        assert found[rule]
        assert all(path.startswith("Prod/OtaUpdateProvider/") for path in found[rule])


def test_findings_of_others_are_not_hidden(tmp_path: Path) -> None:
    """A statement that a user adds to the library's role is still found."""
    prod = stack()
    provider = OtaUpdateProvider(prod, "Provider", vpc=imported_vpc(prod))
    ota_update(prod, "Blinky", firmware(tmp_path), provider=provider)
    provider.role.add_to_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"]))
    assert list(findings(AwsSolutionsChecks, prod.node.root)) == ["AwsSolutions-IAM5[Resource::*]"]
    assert list(findings(HIPAASecurityChecks, prod.node.root)) == ["HIPAA.Security-IAMNoInlinePolicy"]


def test_read_access_has_a_reason(tmp_path: Path) -> None:
    """The pattern that `grant_read` allows is acknowledged where the grantee's policy is."""
    prod = stack()
    lambda_service = as_principal(iam.ServicePrincipal("lambda.amazonaws.com"))
    ota_update(prod, "Blinky", firmware(tmp_path)).grant_read(iam.Role(prod, "OtaReader", assumed_by=lambda_service))
    assert findings(AwsSolutionsChecks, prod.node.root) == {}


def acknowledgements(root: Any) -> list[tuple[str, str]]:
    """Return the path and the rule of each acknowledgement in an app."""
    key = aws_cdk.Validations.ACKNOWLEDGED_RULES_METADATA_KEY
    return [
        (construct.node.path, rule)
        for construct in root.node.find_all()
        for entry in construct.node.metadata
        if entry.type == key
        for rule in entry.data
    ]


@pytest.mark.parametrize("declare", APPS)
def test_a_finding_is_acknowledged_once_however_often_an_app_is_synthesized(declare: Declare, tmp_path: Path) -> None:
    """Synthesizing an app again adds no acknowledgement, and none is there twice."""
    root = declare(tmp_path)
    root.synth(force=True)
    once = acknowledgements(root)
    root.synth(force=True)
    assert acknowledgements(root) == once
    assert len(set(once)) == len(once)


def test_a_wildcard_without_a_reason_is_an_error_at_synth() -> None:
    """A statement of the constructs cannot allow a wildcard resource unless it says why."""
    prod = stack()
    role = SizedRole(prod, "Role", assumed_by=as_principal(iam.ServicePrincipal("iot.amazonaws.com")))
    policy = RolePolicy(prod, "Policy", role=role, prefix="Prod_")
    policy.put("Jobs", Statement(["iot:DescribeJob"], ["arn:aws:iot:eu-central-1:111122223333:job/*"]))
    with pytest.raises(RuntimeError, match=r"\[Prod/Policy\] statement Jobs allows a wildcard .* without a reason"):
        template(prod)


def _is(resource: str, known: str) -> bool:
    """Return whether a finding's resource is a known one; CDK appends digests to the names of functions."""
    name, dot, end = known.partition(".Arn")
    return (
        resource.endswith(f".Arn>{end}") and name in resource
        if dot
        else resource == known or (known != "*" and resource.endswith(known))
    )
