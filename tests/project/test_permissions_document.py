"""Tests of docs/permissions.md against the policies of the templates."""

import re
from pathlib import Path

from tests.construct.everything import declare_everything
from tests.construct.stacks import stack, template

DOCUMENT = (Path(__file__).parents[2] / "docs" / "permissions.md").read_text()


def test_each_statement_is_in_the_document_and_no_other(tmp_path: Path) -> None:
    """The document lists exactly the statement ids of the templates."""
    prod = stack()
    declare_everything(prod, tmp_path)
    found: set[str] = set()
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for policy in template(prod).find_resources(kind).values():
            found |= {one["Sid"] for one in policy["Properties"]["PolicyDocument"]["Statement"] if "Sid" in one}
    assert found == set(re.findall(r"^\| `([A-Za-z]+)` \|", DOCUMENT, flags=re.MULTILINE))


def test_each_action_is_in_the_document(tmp_path: Path) -> None:
    """The document names every action that a statement allows."""
    prod = stack()
    declare_everything(prod, tmp_path)
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for policy in template(prod).find_resources(kind).values():
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                named = [action for action in actions if f"`{action}`" in DOCUMENT]
                assert "Sid" not in statement or named == actions, statement["Sid"]
