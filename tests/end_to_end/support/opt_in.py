"""Opt-in to a real AWS account, checked before anything in the account changes."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

ACCOUNT_VARIABLE = "CDK_IOT_OTA_TEST_ACCOUNT"


class OptInError(Exception):
    """The tests may not use a real account; the message says what is missing, and the remedy."""


def requested_account(environment: Mapping[str, str]) -> str | None:
    """Return the account set in the environment, or None if the tests run on local AWS."""
    account = environment.get(ACCOUNT_VARIABLE)
    if account is not None and not (len(account) == 12 and account.isascii() and account.isdigit()):
        raise OptInError(
            f"{ACCOUNT_VARIABLE} must be the 12-digit number of the account to test in, got {account!r}: "
            "run make test-aws ACCOUNT=123456789012, or unset the variable for local AWS"
        )
    return account


def configured_region(environment: Mapping[str, str], session: Any) -> str:
    """Return the Region set in the environment or the profile, in the AWS CLI's order of precedence."""
    region = environment.get("AWS_REGION") or session.region_name
    if not region:
        raise OptInError("no Region is set: set AWS_REGION, or region in the profile that AWS_PROFILE names")
    return str(region)


def check_credentials(session: Any, account: str, region: str) -> None:
    """Raise OptInError unless there are credentials and they belong to the account."""
    try:
        if session.get_credentials() is None:
            raise OptInError(f"no credentials for account {account}: set AWS_PROFILE, or AWS_ACCESS_KEY_ID etc.")
        found = session.client("sts", region_name=region).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise OptInError(f"the credentials for account {account} do not work: {error}; sign in again") from error
    if found["Account"] != account:
        raise OptInError(
            f"{ACCOUNT_VARIABLE} is {account}, but the credentials belong to {found['Arn']}: set "
            f"ACCOUNT={found['Account']} to test in that account, or use other credentials"
        )
