"""The account that owns a bucket, as far as synth knows it.

A bucket's name and ARN tell no account. A bucket that was deleted can be created again by another account under the
same name, and firmware would be read from it.
"""

from aws_cdk import Resource
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

from cdk_iot_ota_handler.ota_update.contract import limits

from . import checks, once
from .intrinsics import flat


def of_bucket(scope: IConstruct, bucket: s3.IBucket) -> str | None:
    """Return the account of a bucket that the app declares, or imports with another account than its stack's.

    CDK gives a bucket that is imported by its name alone the account of the stack, so that this account says nothing.
    Raises ValueError for an account that is not one.
    """
    return once.asked(once.stack_of(scope), ("owner", bucket), lambda: _of_bucket(scope, bucket))


def _of_bucket(scope: IConstruct, bucket: s3.IBucket) -> str | None:
    own = once.get(once.stack_of(bucket), "account")
    if not Resource.is_owned_resource(bucket):
        account = bucket.env.account
        return checks.text(limits.ACCOUNT, "account of bucket", account) if account and account != own else None
    here = once.get(once.stack_of(scope), "account")
    # Without a fixed account, it is the account that the update's stack is deployed to, unless that one is fixed.
    return own if checks.known(own) else (None if checks.known(here) else here)


def of_assets(scope: IConstruct, bucket: s3.IBucket) -> str | None:
    """Return the account of the bucket of assets if its name contains the stack's, as that of ``cdk bootstrap`` does.

    A synthesizer can be given any other bucket, which may be another account's.
    """
    account: str = once.get(once.stack_of(scope), "account")
    name = flat(once.resolved(scope, once.get(bucket, "bucket_name")))
    return account if flat(once.resolved(scope, account)) in name else None
