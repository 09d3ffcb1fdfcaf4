"""The tests touch a real AWS account only when it is named, and only that one."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import UnauthorizedSSOTokenError
from botocore.stub import Stubber

from tests.end_to_end.support.opt_in import (
    ACCOUNT_VARIABLE,
    OptInError,
    check_credentials,
    configured_region,
    requested_account,
)
from tests.end_to_end.support.real_aws import new_prefix, opted_in_account

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT, OTHER = "111122223333", "444455556666"
ARN = f"arn:aws:iam::{OTHER}:user/me"


def sts() -> Any:
    """A client whose calls are answered by a Stubber."""
    session = boto3.session.Session(aws_access_key_id="key", aws_secret_access_key="secret")
    return session.client("sts", region_name="eu-central-1")


@dataclass
class Session:
    """What is used of a boto3 session, with no other service than STS."""

    region_name: str | None = None
    credentials: object = "some"
    sts: Any = field(default_factory=sts)

    def get_credentials(self) -> object:
        """The credentials, or an error."""
        if isinstance(self.credentials, Exception):
            raise self.credentials
        return self.credentials

    def client(self, service: str, *, region_name: str) -> Any:
        """The stubbed client."""
        assert service == "sts", "nothing else may be called before the account is known to be the right one"
        return self.sts


def test_without_the_opt_in_credentials_mean_nothing() -> None:
    """Whoever has credentials and a Region in the environment still tests on local AWS."""
    environment = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-central-1"}
    assert opted_in_account(new_prefix(), environment) is None


@pytest.mark.parametrize("value", ["", "12345678901", "1234567890123", "my-account", "١٢٣٤٥٦٧٨٩٠١٢"])
def test_the_opt_in_names_an_account(value: str) -> None:
    """Anything but the number of an account is refused with what was given and what to say instead."""
    with pytest.raises(OptInError, match=rf"{ACCOUNT_VARIABLE} must be .* got '{value}': say make test-aws ACCOUNT="):
        requested_account({ACCOUNT_VARIABLE: value})


def test_a_region_must_be_given() -> None:
    """Without a Region nothing is guessed; the environment's goes before the profile's."""
    with pytest.raises(OptInError, match="no Region is given: set AWS_REGION"):
        configured_region({}, Session())
    assert configured_region({}, Session("eu-west-1")) == "eu-west-1"
    assert configured_region({"AWS_REGION": "eu-central-1"}, Session("eu-west-1")) == "eu-central-1"


def test_credentials_must_be_given() -> None:
    """Without credentials, and with a login that has run out, the remedy is named."""
    with pytest.raises(OptInError, match=f"no credentials for account {ACCOUNT} are given: set AWS_PROFILE"):
        check_credentials(Session(credentials=None), ACCOUNT, "eu-central-1")
    with pytest.raises(OptInError, match=r"do not work: .*SSO.*; sign in again"):
        check_credentials(Session(credentials=UnauthorizedSSOTokenError()), ACCOUNT, "eu-central-1")


def test_credentials_that_aws_refuses() -> None:
    """The words of STS are passed on."""
    session = Session()
    with Stubber(session.sts) as stubber:
        stubber.add_client_error("get_caller_identity", "ExpiredToken", "The security token is expired")
        with pytest.raises(OptInError, match=r"do not work: .*The security token is expired; sign in again"):
            check_credentials(session, ACCOUNT, "eu-central-1")


def test_credentials_must_be_of_the_account_that_was_named() -> None:
    """Those of another account are refused, and both are named; those of the account are let through."""
    session = Session()
    with Stubber(session.sts) as stubber:
        stubber.add_response("get_caller_identity", {"Account": OTHER, "Arn": ARN, "UserId": "me"}, {})
        stubber.add_response("get_caller_identity", {"Account": OTHER, "Arn": ARN, "UserId": "me"}, {})
        with pytest.raises(
            OptInError, match=f"is {ACCOUNT}, but the credentials are those of {ARN}: say ACCOUNT={OTHER}"
        ):
            check_credentials(session, ACCOUNT, "eu-central-1")
        check_credentials(session, OTHER, "eu-central-1")
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize(
    "command", [["pytest", "tests/end_to_end/test_deploy.py"], ["tests.end_to_end.support.clean_up"]]
)
def test_the_commands_refuse(command: list[str]) -> None:
    """`make test-aws` and `make clean-aws` without an account end with the message and do nothing."""
    environment = {**os.environ, ACCOUNT_VARIABLE: ""}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert f"{ACCOUNT_VARIABLE} must be the number of the account" in done.stdout + done.stderr
    assert " passed" not in done.stdout
