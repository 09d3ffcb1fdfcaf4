"""What the service would refuse late, or never: checked before anything is created, for what a token hid at synth."""

from collections.abc import Mapping
from typing import Any, Protocol

from .contract import environment, limits, names

Part = Mapping[str, Any]


class _Limit(Protocol):
    def check(self, name: str, value: Any) -> None: ...


def check(request: Part) -> None:
    """Check a CreateOTAUpdate request that fits the API's model. Raises ValueError with member, value and limit."""
    _within(request, "otaUpdateId", limits.OTA_UPDATE_ID_OF_A_JOB)
    _within(request, "roleArn", limits.ROLE_ARN)
    _within(request, "description", limits.DESCRIPTION)
    _each(request, "targets", limits.TARGETS, limits.TARGET)
    _within(request, "targetSelection", limits.TARGET_SELECTION)
    _protocols(request)
    _rollout(request.get("awsJobExecutionsRolloutConfig", {}), "awsJobExecutionsRolloutConfig.")
    _abort(request.get("awsJobAbortConfig", {}), "awsJobAbortConfig.")
    timeout = request.get("awsJobTimeoutConfig", {})
    _within(timeout, "inProgressTimeoutInMinutes", limits.TIMEOUT_IN_MINUTES, "awsJobTimeoutConfig.")
    _map(request, "additionalParameters")
    _within(request, "files", limits.FILES)
    for index, file in enumerate(request["files"]):
        _file(file, f"files[{index}].")
    limits.distinct("files[].fileName", [file.get("fileName") for file in request["files"]])


def check_place(request: Part, stack_id: str) -> None:
    """Check that what a valid request names is where its stack is. Raises ValueError with member, value and remedy."""
    stack = environment.Environment.of(stack_id)
    for index, arn in enumerate(request["targets"]):
        stack.check(f"targets[{index}]", arn, environment.OF_TARGETS)
    stack.check("roleArn", request["roleArn"], environment.OF_ROLE)
    for index, file in enumerate(request["files"]):
        start = file.get("codeSigning", {}).get("startSigningJobParameter", {})
        if arn := start.get("signingProfileParameter", {}).get("certificateArn"):
            name = f"files[{index}].codeSigning.startSigningJobParameter.signingProfileParameter.certificateArn"
            stack.check(name, arn, environment.OF_CERTIFICATE)


def check_tags(tags: Mapping[str, str]) -> None:
    """Check the user's tags. Raises ValueError with the key or value and the limit."""
    limits.TAGS.check("Tags", list(tags))
    for key, value in tags.items():
        limits.tag_key("Tags key", key, names.TAG_PREFIX)
        limits.TAG_VALUE.check(f"Tags[{key!r}]", value)


def _within(part: Part, name: str, limit: _Limit, path: str = "") -> None:
    """Check a member that is there; what must be there, the API's model knows."""
    if name in part:
        limit.check(path + name, part[name])


def _each(part: Part, name: str, count: limits.Count, limit: _Limit) -> None:
    values = part.get(name, [])
    if name in part:
        count.check(name, values)
    for index, value in enumerate(values):
        limit.check(f"{name}[{index}]", value)
    limits.distinct(name, values)


def _map(part: Part, name: str, path: str = "") -> None:
    for key, value in part.get(name, {}).items():
        limits.MAP_KEY.check(f"{path}{name} key", key)
        limits.MAP_VALUE.check(f"{path}{name}[{key!r}]", value)


def _protocols(request: Part) -> None:
    _each(request, "protocols", limits.PROTOCOLS, limits.PROTOCOL)
    protocols = request.get("protocols", ["MQTT"])
    if "awsJobPresignedUrlConfig" in request and "HTTP" not in protocols:
        raise ValueError(f"awsJobPresignedUrlConfig needs HTTP, got protocols {protocols}: add HTTP, or leave it out")
    url = request.get("awsJobPresignedUrlConfig", {})
    _within(url, "expiresInSec", limits.EXPIRES_IN_SEC, "awsJobPresignedUrlConfig.")


def _rollout(config: Part, path: str) -> None:
    _within(config, "maximumPerMinute", limits.RATE_PER_MINUTE, path)
    if rate := config.get("exponentialRate"):
        _exponential(rate, f"{path}exponentialRate.")


def _exponential(rate: Part, path: str) -> None:
    _within(rate, "baseRatePerMinute", limits.RATE_PER_MINUTE, path)
    _within(rate, "incrementFactor", limits.INCREMENT_FACTOR, path)
    criteria = rate.get("rateIncreaseCriteria", {})
    if len(criteria) != 1:
        raise ValueError(
            f"{path}rateIncreaseCriteria must have either numberOfNotifiedThings or numberOfSucceededThings, got "
            f"{sorted(criteria)}"
        )
    for name in criteria:
        _within(criteria, name, limits.NUMBER_OF_THINGS, f"{path}rateIncreaseCriteria.")


def _abort(config: Part, path: str) -> None:
    _within(config, "abortCriteriaList", limits.ABORT_CRITERIA, path)
    for index, criterion in enumerate(config.get("abortCriteriaList", [])):
        below = f"{path}abortCriteriaList[{index}]."
        _within(criterion, "failureType", limits.FAILURE_TYPE, below)
        _within(criterion, "thresholdPercentage", limits.THRESHOLD_PERCENTAGE, below)
        _within(criterion, "minNumberOfExecutedThings", limits.NUMBER_OF_THINGS, below)


def _file(file: Part, path: str) -> None:
    _within(file, "fileName", limits.FILE_NAME, path)
    _within(file, "fileVersion", limits.FILE_VERSION, path)
    _within(file, "fileType", limits.FILE_TYPE, path)
    _map(file, "attributes", path)
    location, signing = file.get("fileLocation", {}), file.get("codeSigning", {})
    place, stream = location.get("s3Location", {}), location.get("stream", {})
    _within(place, "bucket", limits.BUCKET, f"{path}fileLocation.s3Location.")
    _within(place, "key", limits.KEY, f"{path}fileLocation.s3Location.")
    _within(place, "version", limits.OBJECT_VERSION, f"{path}fileLocation.s3Location.")
    _within(stream, "streamId", limits.STREAM_ID, f"{path}fileLocation.stream.")
    _within(stream, "fileId", limits.FILE_ID, f"{path}fileLocation.stream.")
    _within(signing, "awsSignerJobId", limits.SIGNER_JOB_ID, f"{path}codeSigning.")
    _custom(signing.get("customCodeSigning", {}), f"{path}codeSigning.customCodeSigning.")
    _start(signing.get("startSigningJobParameter", {}), f"{path}codeSigning.startSigningJobParameter.")


def _custom(custom: Part, path: str) -> None:
    _within(custom.get("certificateChain", {}), "certificateName", limits.CERTIFICATE_NAME, f"{path}certificateChain.")
    _within(custom, "hashAlgorithm", limits.HASH_ALGORITHM, path)
    _within(custom, "signatureAlgorithm", limits.SIGNATURE_ALGORITHM, path)
    limits.algorithms(f"{path}hashAlgorithm", custom.get("hashAlgorithm"), custom.get("signatureAlgorithm"))


def _start(start: Part, path: str) -> None:
    _within(start, "signingProfileName", limits.SIGNING_PROFILE_NAME, path)
    destination, at = start.get("destination", {}).get("s3Destination", {}), f"{path}destination.s3Destination."
    _within(destination, "bucket", limits.BUCKET, at)
    _within(destination, "prefix", limits.PREFIX, at)
    profile, below = start.get("signingProfileParameter", {}), f"{path}signingProfileParameter."
    _within(profile, "certificateArn", limits.CERTIFICATE_ARN, below)
    _within(profile, "platform", limits.PLATFORM, below)
    _within(profile, "certificatePathOnDevice", limits.CERTIFICATE_NAME, below)
