"""The CreateOTAUpdate request of an event: typed by the API's model, and within limits, before anything is created.

Limits that the service enforces late or never are checked here, because a token hides a value from the checks at synth.
A parameter that AWS adds to the API needs no code here: botocore's model of it is enough.
"""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from botocore.validate import ParamValidator

from .contract import environment, limits, names, private_keys
from .contract.environment import Environment
from .desired import Desired
from .errors import FatalError

Request = Mapping[str, Any]


class RequestFile(dict[str, Any]):
    """A file of a request, and the account that owns its bucket, for which the API has no member; None if unknown."""

    bucket_owner: str | None = None


class _Limit(Protocol):
    def check(self, name: str, value: Any) -> None: ...


_RATE = "awsJobExecutionsRolloutConfig"
_EXPONENTIAL = f"{_RATE}.exponentialRate"
_CRITERIA = "awsJobAbortConfig.abortCriteriaList"
_S3 = "files[].fileLocation.s3Location"
_STREAM = "files[].fileLocation.stream"
_SIGNING = "files[].codeSigning"
_CUSTOM = f"{_SIGNING}.customCodeSigning"
_START = f"{_SIGNING}.startSigningJobParameter"

_LIMITS: dict[str, _Limit] = {
    "otaUpdateId": limits.OTA_UPDATE_ID_OF_A_JOB,
    "roleArn": limits.ROLE_ARN,
    "description": limits.DESCRIPTION,
    "targets": limits.TARGETS,
    "targets[]": limits.TARGET,
    "protocols": limits.PROTOCOLS,
    f"{_RATE}.maximumPerMinute": limits.RATE_PER_MINUTE,
    f"{_EXPONENTIAL}.baseRatePerMinute": limits.RATE_PER_MINUTE,
    f"{_EXPONENTIAL}.incrementFactor": limits.INCREMENT_FACTOR,
    f"{_EXPONENTIAL}.rateIncreaseCriteria.numberOfNotifiedThings": limits.NUMBER_OF_THINGS,
    f"{_EXPONENTIAL}.rateIncreaseCriteria.numberOfSucceededThings": limits.NUMBER_OF_THINGS,
    "awsJobPresignedUrlConfig.expiresInSec": limits.EXPIRES_IN_SEC,
    _CRITERIA: limits.ABORT_CRITERIA,
    f"{_CRITERIA}[].thresholdPercentage": limits.THRESHOLD_PERCENTAGE,
    f"{_CRITERIA}[].minNumberOfExecutedThings": limits.NUMBER_OF_THINGS,
    "awsJobTimeoutConfig.inProgressTimeoutInMinutes": limits.TIMEOUT_IN_MINUTES,
    "additionalParameters": limits.TEXT_MAP,
    "files": limits.FILES,
    "files[].fileName": limits.FILE_NAME,
    "files[].fileVersion": limits.FILE_VERSION,
    "files[].fileType": limits.FILE_TYPE,
    "files[].attributes": limits.TEXT_MAP,
    f"{_S3}.bucket": limits.BUCKET,
    f"{_S3}.key": limits.KEY,
    f"{_S3}.version": limits.OBJECT_VERSION,
    f"{_STREAM}.streamId": limits.STREAM_ID,
    f"{_STREAM}.fileId": limits.FILE_ID,
    f"{_SIGNING}.awsSignerJobId": limits.SIGNER_JOB_ID,
    f"{_CUSTOM}.certificateChain.certificateName": limits.CERTIFICATE_NAME,
    f"{_CUSTOM}.hashAlgorithm": limits.HASH_ALGORITHM,
    f"{_CUSTOM}.signatureAlgorithm": limits.SIGNATURE_ALGORITHM,
    f"{_START}.signingProfileName": limits.SIGNING_PROFILE_NAME,
    f"{_START}.destination.s3Destination.bucket": limits.BUCKET,
    f"{_START}.destination.s3Destination.prefix": limits.PREFIX,
    f"{_START}.signingProfileParameter.certificateArn": limits.CERTIFICATE_ARN,
    f"{_START}.signingProfileParameter.platform": limits.PLATFORM,
    f"{_START}.signingProfileParameter.certificatePathOnDevice": limits.CERTIFICATE_NAME,
}
# ARNs that must be in the environment of the stack, with the remedy.
_LOCAL_ARNS = {
    "targets[]": environment.OF_TARGETS,
    "roleArn": environment.OF_ROLE,
    f"{_START}.signingProfileParameter.certificateArn": environment.OF_CERTIFICATE,
}


def create_request(desired: Desired, shape: Any) -> dict[str, Any]:
    """Return the request with the types of the API. Raises FatalError with member, value and limit.

    ``shape``: botocore's input shape of CreateOTAUpdate.
    """
    if desired.gate is not None:
        desired.gate.check_times()
    refuse_private_keys(desired.request, "Request")
    request: dict[str, Any] = coerce_to_shape(desired.request, shape, "Request")
    request["otaUpdateId"] = desired.ota_update_id
    request["tags"] = [{"Key": key, "Value": value} for key, value in desired.all_tags.items()]
    # First, so that the checks can rely on the types and on required members.
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        raise FatalError(f"Request: {report.generate_report()}")
    try:
        check(request)
        check_environment(request, desired.stack_id)
        check_tags(desired.tags)
        if desired.gate is not None and desired.gate.bake:
            limits.TAGS_WITH_BAKE.check("Tags of an update with a bake time", list(desired.tags))
    except ValueError as error:
        raise FatalError(f"Request: {error}") from None
    return {**request, "files": with_owners(request["files"], desired.bucket_owners)}


def with_owners(files: Sequence[Mapping[str, Any]], owners: object) -> list[RequestFile]:
    """Return files with the owners of their buckets: a property of the resource, empty text for one that is unknown.

    Raises FatalError if it is not a list of accounts, one for each file.
    """
    if owners is None:
        owners = [""] * len(files)
    if not isinstance(owners, list) or len(owners) != len(files):
        raise FatalError(
            f"BucketOwners must be a list with an account for each file, got {limits.shown(owners)}: leave it as the "
            "construct generates it"
        )
    found = [RequestFile(file) for file in files]
    for index, (file, owner) in enumerate(zip(found, owners, strict=True)):
        if owner != "":
            file.bucket_owner = _account(f"BucketOwners[{index}]", owner)
    return found


def _account(path: str, value: Any) -> str:
    try:
        limits.ACCOUNT.check(path, _expect(value, str, path))
    except ValueError as error:
        raise FatalError(f"{error}: leave it as the construct generates it") from None
    return str(value)


def check(request: Request) -> None:
    """Check the limits of a request that fits the API's model. Raises ValueError with member, value and limit."""
    for path, pattern, value in _walk(request):
        if (limit := _LIMITS.get(pattern)) is not None:
            limit.check(path, value)
    for name in ("targets", "protocols"):
        limits.distinct(name, request.get(name, []))
    limits.distinct("files[].fileName", [file.get("fileName") for file in request["files"]])
    _check_presigned_url(request)
    _check_rate_increase(request.get(_RATE, {}).get("exponentialRate"))
    for index, file in enumerate(request["files"]):
        custom = file.get("codeSigning", {}).get("customCodeSigning", {})
        name = f"files[{index}].codeSigning.customCodeSigning.hashAlgorithm"
        limits.algorithms(name, custom.get("hashAlgorithm"), custom.get("signatureAlgorithm"))


def check_environment(request: Request, stack_id: str) -> None:
    """Check that a valid request refers to the environment of its stack. Raises ValueError with value and remedy."""
    stack = Environment.of(stack_id)
    for path, pattern, value in _walk(request):
        if (remedy := _LOCAL_ARNS.get(pattern)) is not None:
            stack.check(path, value, remedy)


def check_tags(tags: Mapping[str, str]) -> None:
    """Check the user's tags. Raises ValueError with the key or value and the limit."""
    limits.TAGS.check("Tags", list(tags))
    for key, value in tags.items():
        limits.tag_key("Tags key", key, names.TAG_PREFIX)
        limits.TAG_VALUE.check(f"Tags[{key!r}]", value)


def refuse_private_keys(value: Any, path: str) -> None:
    """Raise FatalError with the path if a text or a name of a request looks like a private key or contains one.

    The request is as CloudFormation passes it: a parameter or another tool may have put anything into it.
    """
    try:
        match value:
            case Mapping():
                for name, item in value.items():
                    private_keys.refuse(f"{path} key", name)
                    refuse_private_keys(item, f"{path}.{name}")
            case list():
                for index, item in enumerate(value):
                    refuse_private_keys(item, f"{path}[{index}]")
            case _:
                private_keys.refuse(path, value)
    except ValueError as error:
        raise FatalError(str(error)) from None


def coerce_to_shape(value: Any, shape: Any, path: str) -> Any:
    """Return a value with the types of a botocore shape, since CloudFormation passes every scalar as a string.

    Raises FatalError that names the property by its path.
    """
    match shape.type_name:
        case "structure":
            return _structure(_expect(value, dict, path), shape, path)
        case "map":
            members = _expect(value, dict, path).items()
            return {key: coerce_to_shape(item, shape.value, f"{path}.{key}") for key, item in members}
        case "list":
            items = enumerate(_expect(value, list, path))
            return [coerce_to_shape(item, shape.member, f"{path}[{index}]") for index, item in items]
        case _:
            return _scalar(_expect(value, str, path), shape, path)


def _walk(value: Any, path: str = "", pattern: str = "") -> Iterator[tuple[str, str, Any]]:
    """Yield every part of a request with its path, and with the path as the tables write it: ``[]`` for any index."""
    if pattern:
        yield path, pattern, value
    match value:
        case Mapping():
            for name, item in value.items():
                dot = "." if path else ""
                yield from _walk(item, f"{path}{dot}{name}", f"{pattern}{dot}{name}")
        case list():
            for index, item in enumerate(value):
                yield from _walk(item, f"{path}[{index}]", f"{pattern}[]")


def _check_presigned_url(request: Request) -> None:
    protocols = request.get("protocols", ["MQTT"])
    if "awsJobPresignedUrlConfig" in request and "HTTP" not in protocols:
        raise ValueError(f"awsJobPresignedUrlConfig needs HTTP, got protocols {protocols}: add HTTP, or leave it out")


def _check_rate_increase(rate: Mapping[str, Any] | None) -> None:
    criteria = {} if rate is None else rate.get("rateIncreaseCriteria", {})
    if rate is not None and len(criteria) != 1:
        raise ValueError(
            f"{_EXPONENTIAL}.rateIncreaseCriteria must have either numberOfNotifiedThings or numberOfSucceededThings, "
            f"got {sorted(criteria)}"
        )


def _structure(value: dict[str, Any], shape: Any, path: str) -> dict[str, Any]:
    unknown = sorted(set(value) - set(shape.members))
    if unknown:
        raise FatalError(
            f"{path} has no member {limits.shown(unknown[0])} in the SDK of this function: use one of "
            f"{', '.join(shape.members)}"
        )
    return {name: coerce_to_shape(item, shape.members[name], f"{path}.{name}") for name, item in value.items()}


def _expect(value: Any, kind: type, path: str) -> Any:
    if isinstance(value, kind):
        return value
    if kind is str and isinstance(value, (bool, int, float)):
        return str(value).lower() if isinstance(value, bool) else str(value)
    kinds: dict[type, str] = {dict: "a mapping", list: "a list", str: "text"}
    raise FatalError(f"{path} must be {kinds[kind]}, got {_shown(value, path)}")


def _shown(value: Any, path: str) -> str:
    """Return a value for an error message, which quotes no signature and nothing of a certificate."""
    is_hidden = "customCodeSigning" in path and not path.endswith("Algorithm")
    is_hidden |= path.endswith("certificatePathOnDevice")
    return limits.described(value) if is_hidden else limits.shown(value)


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _blob(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


_SCALARS: dict[str, tuple[Callable[[str], Any], str]] = {
    "integer": (int, "a whole number"),
    "long": (int, "a whole number"),
    "double": (float, "a number"),
    "float": (float, "a number"),
    "boolean": (_boolean, "true or false"),
    "blob": (_blob, "base64 text"),
}


def _scalar(text: str, shape: Any, path: str) -> Any:
    # botocore's validator does not check the words of an enum.
    words = getattr(shape, "enum", None)
    if words and text not in words:
        raise FatalError(f"{path} must be {' or '.join(words)}, got {_shown(text, path)}")
    parse, expected = _SCALARS.get(shape.type_name, (str, "text"))
    try:
        return parse(text)
    except (ValueError, KeyError):
        raise FatalError(f"{path} must be {expected}, got {_shown(text, path)}") from None
