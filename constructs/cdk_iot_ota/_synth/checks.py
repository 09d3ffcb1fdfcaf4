"""Check arguments at synth, so that a wrong one fails at its line and not in a deploy.

The limits are those of the handler. What is not known yet is accepted: the end of synth checks what is known then, and
the handler checks the rest.
"""

import enum
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from aws_cdk import Duration, IResource, Resource, region_info
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

from cdk_iot_ota_handler.ota_update.contract import limits, private_keys
from cdk_iot_ota_handler.ota_update.contract.environment import Environment

from . import late, once, synth_limits, tokens
from .tokens import known as known

_Member = TypeVar("_Member")
_Enum = TypeVar("_Enum", bound=enum.Enum)
# jsii passes no mapping with this key on.
_NOT_IN_JSII = "__proto__"


@contextmanager
def prefix_errors(of: IConstruct | str) -> Iterator[None]:
    """Prefix the errors that are raised in the block with the path of a construct."""
    try:
        yield
    except (TypeError, ValueError) as error:
        path = of if isinstance(of, str) else of.node.path
        raise type(error)(f"{path}: {error}") from None


@contextmanager
def needs_assets(name: str, remedy: str) -> Iterator[None]:
    """Raise ValueError with the remedy if the block adds an asset to a stack whose synthesizer takes none."""
    try:
        yield
    except RuntimeError as error:
        if "BootstraplessSynthesizer" not in str(error):
            raise
        raise ValueError(
            f"{name} cannot be uploaded, because the stack has the BootstraplessSynthesizer: {remedy}"
        ) from None


def shown(value: object) -> str:
    """Return a value for an error message: an object of CDK by its class and path, not by its address in memory."""
    if isinstance(value, (list, tuple)) and any(_is_opaque(item) for item in value):
        return f"[{', '.join(shown(item) for item in value)}]"
    # The classes that jsii returns for interfaces are private, or one for all of them.
    name = (
        type(value)
        .__name__.removeprefix("_")
        .removesuffix("Proxy")
        .removesuffix("Base")
        .replace("InterfaceDynamic", "construct")
    )
    path = getattr(getattr(value, "node", None), "path", None)
    if isinstance(path, str):
        return f"{name} {path!r}"
    return name if _is_opaque(value) else limits.shown(value)


def _is_opaque(value: object) -> bool:
    if isinstance(value, int):
        return False  # with too many digits for repr, maybe
    return re.search(" at 0x[0-9a-f]+", repr(value)) is not None


def text(limit: limits.Text, name: str, value: str) -> str:
    """Return a string after checking its limit."""
    if not isinstance(value, str):
        private_keys.refuse(name, value)
        raise TypeError(f"{name} must be a str, got {_wrong(limit, value)}")
    refuse_list_item(name, value)
    if known(value):
        limit.check(name, value)
    else:
        late.note(name, value, lambda found: limit.check(name, found))
    return value


def refuse_list_item(name: str, value: object) -> None:
    """Raise ValueError for a text with what Python finds in a list that is a token."""
    if tokens.is_list_item(value):
        raise ValueError(f"{name} must be one text, got {tokens.described(value, 'as_string')}")


def _wrong(limit: limits.Text, value: object) -> str:
    plain = shown(value) if limit.quoted else limits.described(value)
    return tokens.described(value, "as_string") or plain


def in_environment(scope: IConstruct, name: str, arn: str, why: str) -> None:
    """Check that an ARN is in the environment of the stack of ``scope``, as far as synth knows both."""
    if known(arn):
        once.asked(once.stack_of(scope), Environment, lambda: _environment(scope)).check(name, arn, why)


def _environment(scope: IConstruct) -> Environment:
    stack = once.stack_of(scope)
    account, region = (value if known(value) else None for value in (stack.account, stack.region))
    partition = None if region is None else region_info.RegionInfo.get(region).partition
    return Environment(partition=partition, account=account, region=region)


def in_region(scope: IConstruct, name: str, resource: IResource, why: str, arn: str = "") -> None:
    """Check that a resource is in the Region of the stack of ``scope``, as far as synth knows both.

    :param arn: the resource's ARN, if it contains a Region.
    """
    here = once.get(once.stack_of(scope), "region")
    if not known(here):
        return
    there = arn.split(":")[3] if arn and known(arn) else _region(resource)
    if there and known(there) and here != there:
        raise ValueError(f"{name} must be in the stack's Region {here}, got {shown(resource)} in {there}: {why}")


def _region(resource: IResource) -> str | None:
    own: str = once.get(once.stack_of(resource), "region")
    # CDK gives what is imported without a Region that of the stack, so that this one says nothing.
    if Resource.is_owned_resource(resource):
        return own
    return None if (region := resource.env.region) == own else region


def number(limit: limits.Number, name: str, value: float) -> float:
    """Return a number after checking its limit."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number, got {tokens.described(value, 'as_number') or shown(value)}")
    if not known(value):
        late.note(name, value, lambda found: limit.check(name, found))
        return value
    limit.check(name, value)
    return value if limit.decimals else int(value)


def boolean(name: str, value: bool) -> bool:
    """Return a bool after checking its type; the template would turn any other value into one."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be a bool, got {shown(value)}")
    return value


def seconds(limit: limits.Number, name: str, value: Duration) -> float:
    """Convert a duration to seconds and check its limit."""
    return _duration(limit, name, value, 1, "seconds")


def minutes(limit: limits.Number, name: str, value: Duration) -> float:
    """Convert a duration to whole minutes and check its limit."""
    return _duration(limit, name, value, 60, "minutes")


def _duration(limit: limits.Number, name: str, value: Duration, unit: int, units: str) -> float:
    if not isinstance(value, Duration):
        raise TypeError(f"{name} must be a Duration, got {shown(value)}: write Duration.{units}(…)")
    if value.is_unresolved():
        try:
            token = value.to_seconds() if unit == 1 else value.to_minutes()
        except RuntimeError:
            raise ValueError(
                f"{name} must be Duration.{units}(…) for a token, got one in {value.unit_label()}: CloudFormation "
                "cannot convert it"
            ) from None
        late.note(name, token, lambda found: limit.check(f"{name} in {units}", found))
        return token
    try:
        amount = value.to_milliseconds() / 1000 / unit
    except RuntimeError as error:  # infinite, or a fraction of a millisecond
        problem = str(error).partition(": ")[2]
        raise ValueError(f"{name} must be a whole number of {units}, but {problem}") from None
    limit.check(f"{name} in {units}", int(amount) if amount == int(amount) else amount)
    return int(amount)


def enum_member(name: str, value: _Enum, kind: type[_Enum]) -> _Enum:
    """Return a member of an enum after checking that it is one, and not just its value."""
    if not isinstance(value, kind):
        choices = ", ".join(f"{kind.__name__}.{choice.name}" for choice in kind)
        raise TypeError(f"{name} must be one of {choices}, got {shown(value)}")
    return value


def text_map(name: str, value: Mapping[str, str], *, fixed_keys: bool = False) -> dict[str, str]:
    """Return a mapping of strings to strings after checking keys and values.

    :param fixed_keys: whether the template has the mapping as it is, in which CloudFormation fills in values only.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a mapping of str to str, got {shown(value)}")
    if _NOT_IN_JSII in value:
        raise ValueError(f"{name} key must not be {_NOT_IN_JSII!r}, which the CDK cannot write: choose another key")
    for key in value if fixed_keys else []:
        if tokens.is_token(key) and tokens.is_settled(key):
            raise ValueError(f"{name} key must be known at synth, got a token: CloudFormation fills in values only")
    return {
        text(limits.MAP_KEY, f"{name} key", key): text(limits.MAP_VALUE, f"{name}[{key!r}]", item)
        for key, item in value.items()
    }


def list_of(limit: limits.Count, name: str, value: Sequence[_Member], kind: type[Any]) -> list[_Member]:
    """Return a sequence as a list after checking its length and the class of its members."""
    if isinstance(value, kind):
        raise TypeError(f"{name} must be a list of {kind.__name__}, got one alone: put it into a list")
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"{name} must be a list of {kind.__name__}, got {shown(value)}")
    if tokens.is_token(value):
        raise TypeError(f"{name} must be a list of {kind.__name__}, got {tokens.described(value, 'as_list')}")
    for item in value:
        if not isinstance(item, kind):
            raise TypeError(f"{name} must be a list of {kind.__name__}, got {shown(item)} in it")
    limit.check(name, value)
    return list(value)


def instance_of(name: str, value: _Member, kind: type[Any]) -> _Member:
    """Return an object after checking its class."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise TypeError(f"{name} must be {article} {kind.__name__}, got {shown(value)}")
    return value


def content(name: str, path: Path) -> bytes:
    """Return what is in a file after checking that it exists, or the dummy that is in the place of its path."""
    found = file(name, path)
    return str(path).encode() if found is None else found.read_bytes()


def file(name: str, path: str | Path) -> Path | None:
    """Return the absolute path of a file after checking that it exists, or None for a dummy in the place of its path.

    The content of a key is refused as its path.
    """
    if not isinstance(path, (str, Path)):
        raise TypeError(f"{name} must be a path, got {shown(path)}")
    private_keys.refuse(name, path)
    if tokens.is_token(str(path)) or tokens.is_list_item(str(path)):
        raise ValueError(f"{name} must be known at synth, which reads the file, got a token: give the path of a file")
    try:
        resolved = Path(path).resolve()
        is_file, is_folder = resolved.is_file(), resolved.is_dir()
    except (OSError, ValueError):  # too long, or with a null character
        is_file = is_folder = False
        resolved = None
    if is_file and resolved:
        return resolved
    if tokens.is_dummy_path(path):
        return None
    if resolved is None or not str(path).isprintable():
        raise ValueError(
            f"{name} must be the path of a file, got {limits.described(str(path))}: is it the file's content?"
        )
    problem = "is a directory" if is_folder else "does not exist"
    raise ValueError(f"{name} must be a file, but {str(resolved)!r} {problem}: build it before synth, or correct it")


def object_key(name: str, key: str) -> str:
    """Return the key of an S3 object, or the prefix of keys, after checking that it is not a URL or an ARN."""
    text(limits.KEY, name, key)
    found = re.match("(?i:s3://|arn:[^:]*:s3:::)([^/]*)/?", key)
    if found is not None:
        rest = shown(key[found.end() :])
        raise ValueError(
            f"{name} must not contain the bucket, got {shown(key)}: give {rest}, and the bucket as "
            f"Bucket.from_bucket_name(scope, id, {shown(found[1])})"
        )
    if re.match("(?i:https?://)", key) is not None:
        raise ValueError(
            f"{name} must not be a URL, got {shown(key)}: give the key in the bucket alone, such as firmware/1.bin"
        )
    return key


def grantee(value: iam.IGrantable) -> iam.IGrantable:
    """Return a grantee after checking that it is one."""
    if not once.has(value, "grant_principal"):
        raise TypeError(f"grantee must be an iam.IGrantable, got {shown(value)}: Role.from_role_arn takes an ARN")
    return value


def bucket_in_region(scope: IConstruct, name: str, bucket: s3.IBucket) -> None:
    """Check that a bucket and its key are in the Region of the stack of ``scope``, as far as synth knows them."""
    stack = once.stack_of(scope)
    if known(once.get(stack, "region")):
        once.asked(stack, ("region of", bucket), lambda: _bucket_in_region(scope, name, bucket))


def _bucket_in_region(scope: IConstruct, name: str, bucket: s3.IBucket) -> None:
    in_region(scope, name, bucket, "an update and its buckets share a Region; use one there")
    if (key := bucket.encryption_key) is not None:
        key_in_region(scope, f"the key of {name}", key)


def key_in_region(scope: IConstruct, name: str, key: kms.IKey) -> None:
    """Check that a KMS key is in the Region of the stack of ``scope``, as far as synth knows both."""
    in_region(scope, name, key, "a KMS key works in its own Region only; give one there", key.key_arn)


def bucket_name(name: str, bucket: s3.IBucket | s3.Bucket) -> str:
    """Return the name of a bucket after checking it and the ARN, which policies are made of."""
    text(synth_limits.BUCKET_ARN, f"ARN of {name}", once.get(bucket, "bucket_arn"))
    return text(limits.BUCKET, name, once.get(bucket, "bucket_name"))
