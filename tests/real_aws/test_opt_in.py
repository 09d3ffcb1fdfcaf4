"""The opt-in to a real AWS account: without it, no test calls AWS."""

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
    """Return an STS client with dummy credentials, for a Stubber."""
    session = boto3.session.Session(aws_access_key_id="key", aws_secret_access_key="secret")
    return session.client("sts", region_name="eu-central-1")


@dataclass
class Session:
    """A fake of a boto3 session that has no service but STS."""

    region_name: str | None = None
    credentials: object = "some"
    sts: Any = field(default_factory=sts)

    def get_credentials(self) -> object:
        """Return the credentials, or raise the given error."""
        if isinstance(self.credentials, Exception):
            raise self.credentials
        return self.credentials

    def client(self, service: str, *, region_name: str) -> Any:
        """Return the stubbed client."""
        assert service == "sts", "only STS may be called before the account is verified"
        return self.sts


def test_credentials_without_opt_in_are_ignored() -> None:
    """Credentials and a Region in the environment without the opt-in select local AWS."""
    environment = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-central-1"}
    assert opted_in_account(new_prefix(), environment) is None


@pytest.mark.parametrize(
    "value",
    ["", "12345678901", "1234567890123", "my-account", "١٢٣٤٥٦٧٨٩٠١٢"],
    ids=["empty", "11-digits", "13-digits", "letters", "arabic-digits"],
)
def test_the_opt_in_names_an_account(value: str) -> None:
    """A value that is not an account number is rejected with the value and the remedy."""
    with pytest.raises(OptInError, match=rf"{ACCOUNT_VARIABLE} must be .* got '{value}': run make test-aws ACCOUNT="):
        requested_account({ACCOUNT_VARIABLE: value})


def test_a_region_must_be_given() -> None:
    """A missing Region is an error, and the environment takes precedence over the profile."""
    with pytest.raises(OptInError, match="no Region is set: set AWS_REGION"):
        configured_region({}, Session())
    assert configured_region({}, Session("eu-west-1")) == "eu-west-1"
    assert configured_region({"AWS_REGION": "eu-central-1"}, Session("eu-west-1")) == "eu-central-1"


def test_credentials_must_be_given() -> None:
    """Missing credentials and an expired login are rejected with the remedy."""
    with pytest.raises(OptInError, match=f"no credentials for account {ACCOUNT}: set AWS_PROFILE"):
        check_credentials(Session(credentials=None), ACCOUNT, "eu-central-1")
    with pytest.raises(OptInError, match=r"do not work: .*SSO.*; sign in again"):
        check_credentials(Session(credentials=UnauthorizedSSOTokenError()), ACCOUNT, "eu-central-1")


def test_credentials_that_sts_rejects() -> None:
    """Credentials that STS rejects are reported with its error message."""
    session = Session()
    with Stubber(session.sts) as stubber:
        stubber.add_client_error("get_caller_identity", "ExpiredToken", "The security token is expired")
        with pytest.raises(OptInError, match=r"do not work: .*The security token is expired; sign in again"):
            check_credentials(session, ACCOUNT, "eu-central-1")


def test_credentials_must_belong_to_the_account() -> None:
    """Credentials of another account are rejected with both account numbers; those of the account are accepted."""
    session = Session()
    with Stubber(session.sts) as stubber:
        stubber.add_response("get_caller_identity", {"Account": OTHER, "Arn": ARN, "UserId": "me"}, {})
        stubber.add_response("get_caller_identity", {"Account": OTHER, "Arn": ARN, "UserId": "me"}, {})
        with pytest.raises(OptInError, match=f"is {ACCOUNT}, but the credentials belong to {ARN}: set ACCOUNT={OTHER}"):
            check_credentials(session, ACCOUNT, "eu-central-1")
        check_credentials(session, OTHER, "eu-central-1")
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize(
    "command",
    [["pytest", "tests/end_to_end/test_deploy.py"], ["tests.end_to_end.support.clean_up"]],
    ids=["test-aws", "clean-aws"],
)
def test_the_commands_reject_an_invalid_account(command: list[str]) -> None:
    """The commands of `make test-aws` and `make clean-aws` do nothing without an account but report the error."""
    environment = {**os.environ, ACCOUNT_VARIABLE: ""}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert f"{ACCOUNT_VARIABLE} must be the 12-digit number of the account" in done.stdout + done.stderr
    assert " passed" not in done.stdout
