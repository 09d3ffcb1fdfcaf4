"""Roles that an organisation creates itself: `Role.customize_roles` of CDK, and its report of what they must allow."""

import json
from pathlib import Path
from typing import Any, cast

from aws_cdk import App, Stack, assertions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import CodeSigning, FileLocation, OtaUpdateProvider, RolloutGate

from .everything import imported_vpc
from .stacks import firmware, ota_file, ota_update, stack, template

ROLES = {
    "OtaServiceRole": "ota-service",
    "Provider/HandlerRole": "ota-handler",
    "Provider/OnEventRole": "ota-on-event",
    "Provider/IsCompleteRole": "ota-is-complete",
    "Provider/Framework/waiter-state-machine/Role": "ota-waiter",
}


def declare(prod: Stack, folder: Path) -> Stack:
    """Declare updates with generated and explicit ids, a gate, a signing job and a provider in a VPC."""
    bucket = s3.Bucket(prod, "Bucket", versioned=True)
    provider = OtaUpdateProvider(prod, "Provider", vpc=imported_vpc(prod))
    ota_update(prod, "Blinky", firmware(folder), provider=provider, gate=RolloutGate())
    signing = CodeSigning.signer(destination_bucket=bucket, profile_name="blinky")
    files = [ota_file(FileLocation.from_bucket(bucket, "a.bin", version="v"), signing=signing)]
    for name in ("mine", "other"):
        ota_update(prod, name, folder, files=files, provider=provider, ota_update_id=name)
    return prod


def customized(folder: Path, **options: Any) -> Stack:
    """Declare the same with roles that exist."""
    prod = stack()
    iam.Role.customize_roles(prod, **{"use_precreated_roles": ROLES, **options})
    return declare(prod, folder)


def report(of: Stack) -> dict[str, list[Any]]:
    """Synthesize the app, and return the statements of CDK's report by the path of the role."""
    directory = Path(cast(App, of.node.root).synth(force=True).directory)
    roles = json.loads((directory / "iam-policy-report.json").read_text())["roles"]
    return {role["roleConstructPath"]: role["identityPolicyStatements"] for role in roles}


def actions(statements: list[Any]) -> list[str]:
    """Return the actions of each statement, sorted."""
    return sorted(json.dumps(statement["Action"]) for statement in statements)


def allowed(of: Stack) -> dict[str, list[str]]:
    """Return the actions of each statement that policies of a template allow, by the logical id of the role."""
    resources = template(of).to_json()["Resources"]
    found: dict[str, list[Any]] = {}
    for logical_id, resource in resources.items():
        properties = resource["Properties"]
        if resource["Type"] == "AWS::IAM::Role":
            documents, roles = [one["PolicyDocument"] for one in properties.get("Policies", [])], [logical_id]
        elif resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            documents, roles = [properties["PolicyDocument"]], [role["Ref"] for role in properties["Roles"]]
        else:
            continue
        for role in roles:
            found.setdefault(role, []).extend(one for document in documents for one in document["Statement"])
    return {role: actions(statements) for role, statements in found.items()}


def test_roles_that_exist_get_no_policy_and_a_complete_report(tmp_path: Path) -> None:
    """The template has no IAM resource, the names of the roles, and the report each statement of the usual template."""
    usual, made = declare(stack(), tmp_path), customized(tmp_path)
    found = template(made).to_json()["Resources"]
    assert not [logical_id for logical_id, one in found.items() if one["Type"].startswith("AWS::IAM::")]
    text = json.dumps(found)
    assert all(f":role/{name}" in text for name in ROLES.values())
    assert "OtaPermissions" not in text
    reported = report(made)
    assert set(reported) == {f"Prod/{path}" for path in ROLES}
    expected = allowed(usual)
    for path in ("OtaServiceRole", "Provider/HandlerRole"):
        (role,) = [one for one in expected if one.startswith(path.replace("/", ""))]
        assert actions(reported[f"Prod/{path}"]) == expected[role]


def test_a_report_can_be_made_into_policies(tmp_path: Path) -> None:
    """Statements have no Sid, which would be there twice, no token, and are there once however often it is written."""
    made = customized(tmp_path)
    once = report(made)
    assert report(made) == once
    statements = [statement for role in once.values() for statement in role]
    assert not [statement for statement in statements if "Sid" in statement]
    assert "Token[" not in json.dumps(statements)
    assert "arn:(PARTITION):s3:::cdk-hnb659fds-assets-(ACCOUNT)-(REGION)/" in json.dumps(once["Prod/OtaServiceRole"])
    assert "otaupdate/mine" in json.dumps(once["Prod/Provider/HandlerRole"])


def test_a_role_without_a_name_is_named_by_cdk(tmp_path: Path) -> None:
    """A role without a name is CDK's error, with its path, and not one of this library."""
    found = assertions.Annotations.from_stack(customized(tmp_path, use_precreated_roles={}))
    found.has_error("/Prod/OtaServiceRole", assertions.Match.string_like_regexp("IAM Role is being created at path"))


def test_a_report_alone_changes_nothing_else(tmp_path: Path) -> None:
    """With `prevent_synthesis=False` the report has the same statements as with names of roles."""
    reported = report(customized(tmp_path, use_precreated_roles=None, prevent_synthesis=False))
    expected = report(customized(tmp_path))
    assert {path: actions(one) for path, one in reported.items()} == {
        path: actions(one) for path, one in expected.items()
    }
