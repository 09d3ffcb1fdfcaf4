"""Statements, policies and roles by themselves: their form, their names and their sizes."""

import json
import re
from typing import Any, cast

import pytest
from aws_cdk import App, Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from cdk_iot_ota._iam.role_policy import ReplacedPolicy, RolePolicy
from cdk_iot_ota._iam.sized_role import SizedRole
from cdk_iot_ota._iam.statements import Statement, exact, exact_key, via_s3
from cdk_iot_ota._synth import suppressions

from .stacks import stack, template

READ = Statement(["iot:GetOTAUpdate"], ["arn:aws:iot:eu-west-1:111122223333:otaupdate/a"])
DELETE = Statement(["iot:DeleteOTAUpdate"], ["arn:aws:iot:eu-west-1:111122223333:otaupdate/a"])
LIMIT = 10_240


def sized_role(scope: Stack, id: str = "Role", **options: Any) -> SizedRole:
    """Return a role of AWS Lambda."""
    principal = cast(iam.IPrincipal, iam.ServicePrincipal("lambda.amazonaws.com"))
    return SizedRole(scope, id, assumed_by=principal, **options)


def policies(of: Stack) -> dict[str, Any]:
    """Return the inline policies of a stack by logical id."""
    return dict(template(of).find_resources("AWS::IAM::Policy"))


def size(statements: dict[str, Statement]) -> int:
    """Return the size of a policy in IAM."""
    rendered = [statement.render(sid) for sid, statement in statements.items()]
    return len(json.dumps({"Version": "2012-10-17", "Statement": rendered}, separators=(",", ":")))


def test_a_statement_is_rendered_as_iam_reads_it() -> None:
    """One action or resource is a text and several are a list, and a condition is there only if it is given."""
    assert READ.render("Read") == {
        "Sid": "Read",
        "Effect": "Allow",
        "Action": "iot:GetOTAUpdate",
        "Resource": "arn:aws:iot:eu-west-1:111122223333:otaupdate/a",
    }
    condition = {"StringEquals": {"a": "b"}}
    assert Statement(("a:B", "a:C"), ("d", "e"), condition).render("S") == {
        "Sid": "S",
        "Effect": "Allow",
        "Action": ["a:B", "a:C"],
        "Resource": ["d", "e"],
        "Condition": condition,
    }


def test_s3_may_have_either_name_of_its_service() -> None:
    """The condition on a key has the name of S3 in the stack's Region, once where both names are the same."""
    prod = stack()
    assert prod.resolve(via_s3(prod)) == {
        "StringEquals": {
            "kms:ViaService": [
                {"Fn::Join": ["", ["s3.", {"Ref": "AWS::Region"}, ".amazonaws.com"]]},
                {"Fn::Join": ["", ["s3.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"}]]},
            ]
        }
    }


# With explicit ids: the number in a token is another one in each process of the tests.
@pytest.mark.parametrize(
    ("value", "sign"),
    [("a*", "*"), ("a?", "?"), ("${a}", "${"), (f"{Aws.REGION}*", "*")],
    ids=["star", "question mark", "variable", "star after a token"],
)
def test_a_pattern_is_refused(value: str, sign: str) -> None:
    """A name with a sign that IAM reads as a wildcard or a variable is refused with the sign."""
    message = f"x must be one resource, got {value!r} with {sign}: policies are made of it, so name exactly one"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        exact(stack(), "x", value)


def test_a_name_is_returned() -> None:
    """A name, or the ARN of a key, is returned as it is."""
    prod = stack()
    assert exact(prod, "x", "a$b") == "a$b"
    key = kms.Key.from_key_arn(prod, "Key", "arn:aws:kms:eu-west-1:111122223333:key/k")
    assert exact_key(prod, "x", key) == "arn:aws:kms:eu-west-1:111122223333:key/k"


@pytest.mark.parametrize(
    ("resource", "message"),
    [("alias/a", "x must be a key, got the alias 'arn:"), ("key/*", "x must be one resource, got 'arn:")],
)
def test_what_is_not_one_key_is_refused(resource: str, message: str) -> None:
    """An alias or a pattern in place of a key is refused with its name."""
    prod = stack()
    key = kms.Key.from_key_arn(prod, "Key", f"arn:aws:kms:eu-west-1:111122223333:{resource}")
    with pytest.raises(ValueError, match=f"^{message}"):
        exact_key(prod, "x", key)


def test_a_policy_is_inline_in_its_role() -> None:
    """A policy has its statements in their order, belongs to its role, and has a name with the stack's prefix."""
    prod = stack()
    policy = RolePolicy(prod, "Policy", role=sized_role(prod), prefix="Prod_")
    policy.put("Read", DELETE)
    policy.put("Delete", DELETE)
    policy.put("Read", READ)
    assert policies(prod) == {
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": "Prod_ProdPolicy",
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [READ.render("Read"), DELETE.render("Delete")],
                },
                "Roles": [{"Ref": "Role1ABCC5F0"}],
            },
        }
    }
    assert policy.statements == {"Read": READ, "Delete": DELETE}


def replaced(*statements: Statement) -> tuple[str, str]:
    """Return the logical id and the name of a policy that is replaced, with these statements."""
    prod = stack()
    policy = ReplacedPolicy(prod, "Policy", role=sized_role(prod), prefix="Prod_")
    for number, statement in enumerate(statements):
        policy.put(f"S{number}", statement)
    ((logical_id, part),) = policies(prod).items()
    return logical_id, part["Properties"]["PolicyName"]


def test_a_replaced_policy_is_named_after_its_statements() -> None:
    """Logical id and name end with eight digits of the content: the same for the same, and others for other content."""
    logical_id, name = replaced(READ)
    assert re.fullmatch("Policy[0-9A-F]{8}", logical_id)
    assert name == f"Prod_ProdPolicy-{logical_id.removeprefix('Policy').lower()}"
    assert replaced(READ) == (logical_id, name)
    assert replaced(DELETE)[0] != logical_id
    assert replaced(READ, DELETE)[0] != logical_id


def test_the_order_of_a_condition_does_not_replace_a_policy() -> None:
    """The same condition in another order is the same content."""
    ordered = [Statement(["a:B"], ["c"], {"x": {"y": "1"}, "z": {"y": "1"}}), READ]
    mixed = [Statement(["a:B"], ["c"], {"z": {"y": "1"}, "x": {"y": "1"}}), READ]
    assert replaced(*ordered) == replaced(*mixed)


def test_the_size_of_a_policy() -> None:
    """A policy is as long as in IAM; one that is replaced counts twice, because the old one is still there."""
    prod = stack()
    role = sized_role(prod)
    constant = RolePolicy(prod, "Constant", role=role, prefix="")
    changing = ReplacedPolicy(prod, "Replaced", role=role, prefix="")
    for policy in (constant, changing):
        policy.put("Read", READ)
    assert constant.size == size({"Read": READ})
    assert changing.size == 2 * size({"Read": READ})
    assert role.policies == [constant, changing]


def filled(own: int, *, replaced: bool) -> Stack:
    """Return a stack with a role whose policies have this size together, half of it in the role itself."""
    prod = stack()
    inline = {
        "Own": iam.PolicyDocument(statements=[iam.PolicyStatement(actions=["a:B"], resources=["c"], sid="x" * 5000)])
    }
    role = sized_role(prod, inline_policies=inline)
    kind = ReplacedPolicy if replaced else RolePolicy
    document = prod.resolve(inline["Own"])
    rest = own - len(json.dumps(document, separators=(",", ":")))
    times = 2 if replaced else 1
    padding = rest // times - size({"S": Statement(["a:B"], [""])})
    kind(prod, "Policy", role=role, prefix="").put("S", Statement(["a:B"], ["x" * padding]))
    return prod


@pytest.mark.parametrize("replaced", [True, False])
def test_a_role_takes_what_iam_takes(*, replaced: bool) -> None:
    """The policies of a role fit up to IAM's limit, its own ones included; one that is replaced counts twice."""
    template(filled(LIMIT, replaced=replaced))
    with pytest.raises(RuntimeError, match=r"\[Prod/Role\] its inline policies need up to 1024\d characters, and IAM"):
        template(filled(LIMIT + 2, replaced=replaced))


def test_the_error_names_the_remedy() -> None:
    """The error for too long policies has the size, the limit and what to do."""
    message = (
        f"its inline policies need up to {LIMIT + 1} characters, and IAM takes {LIMIT}: use fewer buckets, roles and "
        "signing profiles, or give some of the updates a separate provider and role"
    )
    with pytest.raises(RuntimeError, match=re.escape(message)):
        template(filled(LIMIT + 1, replaced=False))


def test_a_role_takes_ten_managed_policies() -> None:
    """Ten managed policies fit a role, and eleven are an error that names the remedy."""
    for count, is_refused in ((10, False), (11, True)):
        prod = stack()
        role = sized_role(prod)
        role.managed.extend([prod] * count)
        errors = [error for error in role.node.validate() if "managed" in error]
        remedy = "give some of the updates a separate provider and role"
        assert errors == ([f"it has 11 managed policies, and IAM takes 10: {remedy}"] if is_refused else [])


def errors_of(policy: RolePolicy) -> list[str]:
    """Return what a policy reports at the end of synth: CDK validates the app before what is in it."""
    policy.node.root.node.validate()
    return policy.node.validate()


def test_a_wildcard_needs_a_reason() -> None:
    """A statement with a wildcard and no reason is an error with its name; one with a reason passes."""
    prod = stack()
    policy = RolePolicy(prod, "Policy", role=sized_role(prod), prefix="")
    policy.put("Open", Statement(["a:B"], ["c/*"]))
    policy.put("Explained", Statement(["a:B"], ["c/*"], wildcard_reason="it is so"))
    policy.put("Exact", READ)
    assert errors_of(policy) == ["statement Open allows a wildcard resource without a reason: give it wildcard_reason"]


def test_policies_of_other_stacks_count() -> None:
    """A role knows the policies that any stack of the app gives to it."""
    app = App(analytics_reporting=False)
    shared, other = Stack(app, "Shared"), Stack(app, "Other")
    role = sized_role(shared, role_name="shared")
    policy = RolePolicy(other, "Policy", role=role, prefix="Other_")
    assert role.policies == [policy]


Acknowledged = list[tuple[str, str]]


@pytest.fixture
def acknowledged(monkeypatch: pytest.MonkeyPatch) -> Acknowledged:
    """Collect the rules that policies acknowledge, with their reasons."""
    found: Acknowledged = []
    monkeypatch.setattr(suppressions, "acknowledge", lambda _, reasons: found.extend(reasons.items()))
    return found


def test_a_policy_acknowledges_that_it_is_inline(acknowledged: Acknowledged) -> None:
    """A policy acknowledges the rule against inline policies of each pack, with its reason."""
    prod = stack()
    RolePolicy(prod, "Policy", role=sized_role(prod), prefix="")
    packs = ("HIPAA.Security", "NIST.800.53.R5", "PCI.DSS.321")
    assert [rule for rule, _ in acknowledged] == [f"{pack}-IAMNoInlinePolicy" for pack in packs]
    (reason,) = {reason for _, reason in acknowledged}
    assert reason.startswith("it belongs to one role and is deleted with it")


def test_a_wildcard_is_acknowledged_once_with_the_reason_of_its_statement(acknowledged: Acknowledged) -> None:
    """Each wildcard is acknowledged with the first reason that a statement has for it, and none without a reason."""
    prod = stack()
    policy = RolePolicy(prod, "Policy", role=sized_role(prod), prefix="")
    policy.put("Open", Statement(["a:B"], ["x/*"]))
    policy.put("First", Statement(["a:B"], ["c/*", "exact"], wildcard_reason="first"))
    policy.put("Second", Statement(["a:B"], ["c/*", "d/*"], wildcard_reason="second"))
    acknowledged.clear()
    assert errors_of(policy) == errors_of(policy)
    assert acknowledged == [
        ("AwsSolutions-IAM5[Resource::c/*]", "first"),
        ("AwsSolutions-IAM5[Resource::d/*]", "second"),
    ]
