"""Hypothesis strategies for valid CreateOTAUpdate requests, and the constructs that declare them."""

import base64
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct
from hypothesis import strategies as st

from cdk_iot_ota import (
    AbortCriterion,
    CodeSigning,
    FailureType,
    FileLocation,
    HashAlgorithm,
    OtaFile,
    OtaTarget,
    OtaUpdate,
    Protocol,
    RolloutRate,
    SignatureAlgorithm,
    SigningPlatform,
    SigningProfile,
    TargetSelection,
)

ROLE = "arn:aws:iam::111122223333:role/ota"
CERTIFICATE = "arn:aws:acm:eu-central-1:111122223333:certificate/1"
PEM = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"

printable = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=40)
keys = st.text(st.characters(exclude_categories=["C"], exclude_characters="*?$"), min_size=1, max_size=40)
names = st.text("abcXYZ019_-", min_size=1, max_size=20)
texts = st.dictionaries(
    printable.filter(lambda key: key != "__proto__"),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    max_size=3,
)
rates = st.integers(1, 1000)
# A DER SEQUENCE of two INTEGERs, and bytes that are not text.
numbers = st.integers(1, 2**256).map(lambda number: number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))
sequences = st.tuples(numbers, numbers).map(lambda two: b"".join(bytes([2, len(one)]) + one for one in two))
signatures = {
    "ECDSA": sequences.map(lambda content: bytes([0x30, len(content)]) + content),
    "RSA": st.tuples(st.binary(min_size=1, max_size=8), st.sampled_from([128, 256, 384, 512])).map(
        lambda parts: b"\xff" + parts[0].ljust(parts[1] - 1, b"\xff")
    ),
}
objects = st.fixed_dictionaries({"bucket": st.just("firmware"), "key": keys}, optional={"version": names})
streams = st.fixed_dictionaries({"streamId": names, "fileId": st.integers(0, 255)})
custom = st.one_of(
    [
        st.fixed_dictionaries(
            {
                "signature": raw.map(lambda raw: {"inlineDocument": base64.b64encode(raw)}),
                "certificateChain": st.fixed_dictionaries(
                    {"certificateName": printable}, optional={"inlineDocument": st.just(PEM)}
                ),
                "hashAlgorithm": st.just("SHA256"),
                "signatureAlgorithm": st.just(algorithm),
            }
        )
        for algorithm, raw in signatures.items()
    ]
)
profiles = st.fixed_dictionaries(
    {
        "certificateArn": st.just(CERTIFICATE),
        "platform": st.one_of(st.just(SigningPlatform.AMAZON_FREERTOS_DEFAULT.value), printable),
        "certificatePathOnDevice": printable,
    }
)
destinations = st.just({"s3Destination": {"bucket": "signed", "prefix": "a/"}})
starts = st.fixed_dictionaries(
    {"destination": destinations, "signingProfileName": st.just("ab")}, optional={"signingProfileParameter": profiles}
)
signings = st.one_of(
    st.fixed_dictionaries(
        {
            "fileLocation": st.one_of(
                st.fixed_dictionaries({"s3Location": objects}), st.fixed_dictionaries({"stream": streams})
            ),
            "codeSigning": st.fixed_dictionaries({"customCodeSigning": custom}),
        }
    ),
    st.fixed_dictionaries(
        {
            "fileLocation": st.fixed_dictionaries({"s3Location": objects}),
            "codeSigning": st.fixed_dictionaries({"startSigningJobParameter": starts}),
        }
    ),
    st.fixed_dictionaries({"codeSigning": st.fixed_dictionaries({"awsSignerJobId": st.just("job-1")})}),
    st.fixed_dictionaries({"fileLocation": st.fixed_dictionaries({"s3Location": objects})}),
)
files = st.tuples(
    st.fixed_dictionaries(
        {"fileName": printable},
        optional={"fileVersion": printable, "fileType": st.integers(0, 255), "attributes": texts},
    ),
    signings,
).map(lambda parts: {**parts[0], **parts[1]})
rollouts = st.one_of(
    st.fixed_dictionaries({"maximumPerMinute": rates}),
    st.tuples(rates, rates, st.integers(11, 50), st.sampled_from(["Notified", "Succeeded"]), st.integers(1)).map(
        lambda part: {
            "maximumPerMinute": max(part[:2]),
            "exponentialRate": {
                "baseRatePerMinute": min(part[:2]),
                "incrementFactor": part[2] / 10,
                "rateIncreaseCriteria": {f"numberOf{part[3]}Things": min(part[4], 2**31 - 1)},
            },
        }
    ),
)
criteria = st.fixed_dictionaries(
    {
        "failureType": st.sampled_from([kind.value for kind in FailureType]),
        "action": st.just("CANCEL"),
        "thresholdPercentage": st.integers(1, 10000).map(lambda hundredths: hundredths / 100),
        "minNumberOfExecutedThings": st.integers(1, 10**6),
    }
)
requests: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "targets": st.lists(names, min_size=1, max_size=5, unique=True).map(
            lambda found: [f"arn:aws:iot:eu-central-1:111122223333:thinggroup/{name}" for name in found]
        ),
        "files": st.lists(files, min_size=1, max_size=4, unique_by=lambda file: file["fileName"]),
        "roleArn": st.just(ROLE),
        "awsJobTimeoutConfig": st.fixed_dictionaries({"inProgressTimeoutInMinutes": st.integers(1, 10080)}),
    },
    optional={
        "description": printable,
        "targetSelection": st.sampled_from(["SNAPSHOT", "CONTINUOUS"]),
        "awsJobExecutionsRolloutConfig": rollouts,
        "awsJobAbortConfig": st.fixed_dictionaries({"abortCriteriaList": st.lists(criteria, min_size=1, max_size=3)}),
        "additionalParameters": texts,
    },
)
over_http = st.tuples(requests, st.integers(60, 3600)).map(
    lambda parts: {**parts[0], "protocols": ["HTTP"], "awsJobPresignedUrlConfig": {"expiresInSec": parts[1]}}
)


def ask(scope: Construct, request: dict[str, Any]) -> OtaUpdate:
    """Declare the update that renders this request."""
    expiry = request.get("awsJobPresignedUrlConfig")
    selection = request.get("targetSelection")
    return OtaUpdate(
        scope,
        "Blinky",
        targets=[OtaTarget.from_arn(arn) for arn in request["targets"]],
        files=[_file(scope, index, file) for index, file in enumerate(request["files"])],
        role=iam.Role.from_role_arn(scope, "Role", request["roleArn"]),
        description=request.get("description"),
        protocols=[Protocol(word) for word in request["protocols"]] if "protocols" in request else None,
        target_selection=TargetSelection(selection) if selection else None,
        rollout=_rollout(request.get("awsJobExecutionsRolloutConfig")),
        abort_criteria=_criteria(request.get("awsJobAbortConfig")),
        in_progress_timeout=Duration.minutes(request["awsJobTimeoutConfig"]["inProgressTimeoutInMinutes"]),
        presigned_url_expiry=Duration.seconds(expiry["expiresInSec"]) if expiry else None,
        additional_parameters=request.get("additionalParameters"),
    )


def _file(scope: Construct, index: int, file: dict[str, Any]) -> OtaFile:
    location = None
    if place := file.get("fileLocation", {}).get("s3Location"):
        bucket = s3.Bucket.from_bucket_name(scope, f"Bucket{index}", place["bucket"])
        location = FileLocation.from_bucket(bucket, place["key"], version=place.get("version"))
    elif stream := file.get("fileLocation", {}).get("stream"):
        location = FileLocation.from_stream(stream["streamId"], stream["fileId"])
    return OtaFile(
        name=file["fileName"],
        location=location,
        signing=_signing(scope, index, file.get("codeSigning", {})),
        version=file.get("fileVersion"),
        type=file.get("fileType"),
        attributes=file.get("attributes"),
    )


def _signing(scope: Construct, index: int, signing: dict[str, Any]) -> CodeSigning:
    if made := signing.get("customCodeSigning"):
        return CodeSigning.custom(
            signature=base64.b64decode(made["signature"]["inlineDocument"]),
            hash_algorithm=HashAlgorithm(made["hashAlgorithm"]),
            signature_algorithm=SignatureAlgorithm(made["signatureAlgorithm"]),
            certificate_name=made["certificateChain"]["certificateName"],
            certificate_chain=made["certificateChain"].get("inlineDocument"),
        )
    if start := signing.get("startSigningJobParameter"):
        place, found = start["destination"]["s3Destination"], start.get("signingProfileParameter")
        return CodeSigning.signer(
            destination_bucket=s3.Bucket.from_bucket_name(scope, f"Signed{index}", place["bucket"]),
            destination_prefix=place["prefix"],
            profile_name=start["signingProfileName"],
            profile=_profile(found) if found else None,
        )
    return CodeSigning.signer_job(signing["awsSignerJobId"]) if signing else CodeSigning.unsigned()


def _profile(profile: dict[str, Any]) -> SigningProfile:
    return SigningProfile(
        certificate_arn=profile["certificateArn"],
        platform=SigningPlatform.of(profile["platform"]),
        certificate_path_on_device=profile["certificatePathOnDevice"],
    )


def _rollout(config: dict[str, Any] | None) -> RolloutRate | None:
    if config is None:
        return None
    if "exponentialRate" not in config:
        return RolloutRate.constant(maximum_per_minute=config["maximumPerMinute"])
    rate = config["exponentialRate"]
    return RolloutRate.exponential(
        base_per_minute=rate["baseRatePerMinute"],
        increment_factor=rate["incrementFactor"],
        after_notified=rate["rateIncreaseCriteria"].get("numberOfNotifiedThings"),
        after_succeeded=rate["rateIncreaseCriteria"].get("numberOfSucceededThings"),
        maximum_per_minute=config["maximumPerMinute"],
    )


def _criteria(config: dict[str, Any] | None) -> list[AbortCriterion] | None:
    if config is None:
        return None
    return [
        AbortCriterion(
            failure=FailureType(criterion["failureType"]),
            threshold_percentage=criterion["thresholdPercentage"],
            minimum_executed=criterion["minNumberOfExecutedThings"],
        )
        for criterion in config["abortCriteriaList"]
    ]
