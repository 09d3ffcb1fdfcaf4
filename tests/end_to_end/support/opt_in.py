"""Whether the tests may use a real AWS account, and which one: asked before anything in it is changed."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

ACCOUNT_VARIABLE = "CDK_IOT_OTA_TEST_ACCOUNT"


class OptInError(Exception):
    """The tests may not use a real account; the text says what is missing, and the remedy."""


def requested_account(environment: Mapping[str, str]) -> str | None:
    """The account that the environment names, None when it names none and tests stay on this machine."""
    account = environment.get(ACCOUNT_VARIABLE)
    if account is not None and not (len(account) == 12 and account.isascii() and account.isdigit()):
        raise OptInError(
            f"{ACCOUNT_VARIABLE} must be the number of the account to test in, 12 digits, got {account!r}: "
            "say make test-aws ACCOUNT=123456789012, or unset the variable for local AWS"
        )
    return account


def configured_region(environment: Mapping[str, str], session: Any) -> str:
    """The Region that the environment or the profile names, in the order of the AWS CLI."""
    region = environment.get("AWS_REGION") or session.region_name
    if not region:
        raise OptInError("no Region is given: set AWS_REGION, or region in the profile that AWS_PROFILE names")
    return str(region)


def check_credentials(session: Any, account: str, region: str) -> None:
    """Raise OptInError unless there are credentials, and they are those of the account."""
    try:
        if session.get_credentials() is None:
            raise OptInError(
                f"no credentials for account {account} are given: set AWS_PROFILE, or AWS_ACCESS_KEY_ID etc."
            )
        found = session.client("sts", region_name=region).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise OptInError(f"the credentials for account {account} do not work: {error}; sign in again") from error
    if found["Account"] != account:
        raise OptInError(
            f"{ACCOUNT_VARIABLE} is {account}, but the credentials are those of {found['Arn']}: say "
            f"ACCOUNT={found['Account']} if that is the account to test in, or use other credentials"
        )
