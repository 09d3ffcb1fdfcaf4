"""Evaluate the policies of a synthesized stack as IAM would, without deploying it."""

from typing import Any

from ministack.core import iam_evaluator

ACCOUNT, REGION = "111122223333", "eu-central-1"
STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/Prod/0f0c7d2e-6f55-4a5e-9d3b-0c8c6a3d8f10"
_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": STACK_ID,
    "AWS::StackName": "Prod",
    "AWS::URLSuffix": "amazonaws.com",
}
_ARNS = {
    "AWS::CloudWatch::Alarm": "{}",  # its Ref is the name
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{}}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{}}:*",
    "AWS::StepFunctions::StateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{{}}",
}


class Simulated:
    """The roles of a template, as IAM would see them if each resource were named by its logical id."""

    def __init__(self, template: dict[str, Any]) -> None:
        self._resources = template["Resources"]

    def arn(self, logical_id: str) -> str:
        """Return the ARN of a resource of the stack."""
        return _ARNS[self._resources[logical_id]["Type"]].format(logical_id)

    def find(self, resource_type: str, beginning: str) -> str:
        """Return the logical id of the one resource of a type whose logical id starts like this."""
        (found,) = [
            name
            for name, part in self._resources.items()
            if part["Type"] == resource_type and name.startswith(beginning)
        ]
        return str(found)

    def allows(self, role: str, action: str, resource: str, **context: str) -> bool:
        """Return whether a role may perform an action; condition keys in `context` have __ for a colon."""
        asked = iam_evaluator.EvalContext(
            principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/session",
            principal_type="AssumedRole",
            principal_account=ACCOUNT,
            action=action,
            resource_arn=resource,
            region=REGION,
            service_context={key.replace("__", ":").lower(): value for key, value in context.items()},
        )
        documents = [iam_evaluator.parse_policy_document(document) for document in self._documents(role)]
        return bool(iam_evaluator.evaluate(asked, documents).decision == "Allow")

    def _documents(self, role: str) -> list[Any]:
        inline = self._resources[role]["Properties"].get("Policies", [])
        attached = [
            part["Properties"]
            for part in self._resources.values()
            if part["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
            and {"Ref": role} in part["Properties"]["Roles"]
        ]
        return [self._resolved(policy["PolicyDocument"]) for policy in [*inline, *attached]]

    def _resolved(self, value: Any) -> Any:
        match value:
            case {"Ref": name}:
                return _PSEUDO[name] if name in _PSEUDO else self.arn(name)
            case {"Fn::GetAtt": [name, "Arn"]}:
                return self.arn(name)
            case {"Fn::Join": [separator, parts]}:
                return separator.join(self._resolved(part) for part in parts)
            case {"Fn::Sub": str(text)}:
                for name, known in _PSEUDO.items():
                    text = text.replace(f"${{{name}}}", known)
                return text
            case dict():
                return {name: self._resolved(part) for name, part in value.items()}
            case list():
                return [self._resolved(part) for part in value]
        return value
