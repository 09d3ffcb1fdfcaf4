"""The objects of a bucket that a policy allows to read.

A policy allows a folder and an extension, not an object: it stays the same from firmware to firmware, and devices of an
old update can load their files until it is gone.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from aws_cdk import Annotations
from aws_cdk import aws_s3 as s3
from constructs import Construct

from .._iam.statements import Statement, owned_by
from .._synth import once, tokens
from ..request.code_signing import SigningJob
from ..request.file_location import InBucket
from .needs import Needs
from .service_role import OtaServiceRole

# Leaves room in a role for those of several buckets.
_MAX_PATTERNS = 10
_EVERY_OBJECT = "*"
# A number at the end, as in blinky-1.4.2, is none: it belongs to the version.
_EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9]*$")
# The name of an asset, and its extension if the local file has none; the name of what a build stores by its digest.
_DIGEST = re.compile("[0-9a-f]{64}")
_FOLDER_REASON = (
    "the statement allows files in the folder of the firmware with its extension: so it is the same for each firmware, "
    "and devices of an old update can load their files until it is gone"
)
_BUCKET_REASON = (
    "the folders of the firmware are too many for a policy, or synth knows neither its folder nor its extension; a "
    "warning says how to narrow the statement"
)


def pattern(found: InBucket, *, outlives_declaration: bool = False) -> str:
    """Return a pattern for the objects in the same folder with the same extension, as far as synth knows them.

    A key that is known and has neither stands for itself: digests in it match any digest. Without a digest it matches
    no later object, so an update that may outlive its declaration gets all objects of the bucket.
    """
    head, *rest = tokens.literal_parts(found.key)
    allowed = f"{head[: head.rfind('/') + 1]}*{_extension(found)}"
    if allowed != _EVERY_OBJECT or rest:
        return allowed
    own = _DIGEST.sub("?" * 64, found.key)
    # CDK takes the end of a name such as blinky-1.4.2 for an extension.
    own = re.sub(r"(\?{64})\.[^/?]+$", r"\1*", own)
    return _EVERY_OBJECT if own == found.key and outlives_declaration else own


def prefix_pattern(job: SigningJob) -> str:
    """Return a pattern for the objects that a signing job writes: their names begin with the prefix."""
    return f"{tokens.literal_parts(job.prefix)[0]}*"


class DeclaredObjects:
    """The objects of a bucket that updates declare, for one policy.

    ``owners``: the accounts that declarations give the bucket; one that knows it is enough.
    """

    def __init__(self, bucket: s3.IBucket, actions: Sequence[str]) -> None:
        self._bucket, self._actions = bucket, actions
        self._patterns: dict[tuple[str, str], list[Callable[[], bool]]] = {}
        self._are_assets = False
        self._imports: set[s3.IBucket] = set()
        self.owners: set[str] = set()

    def add(self, found: InBucket, outlives_declaration: Callable[[], bool]) -> bool:
        """Add an object, and return whether the policy is another one by it, whatever outlives its declaration.

        :param outlives_declaration: returns at the end of synth whether its update may outlive its declaration.
        """
        either = pattern(found), pattern(found, outlives_declaration=True)
        # Another import of the bucket may give its owner, or its key.
        is_new = either not in self._patterns or found.bucket not in self._imports
        self._patterns.setdefault(either, []).append(outlives_declaration)
        self._imports.add(found.bucket)
        self._are_assets |= found.is_asset
        self.owners.update([] if found.owner is None else [found.owner])
        return is_new

    @property
    def are_many(self) -> bool:
        """Return whether there are too many patterns for a policy, which allows the whole bucket then."""
        return len(self._allowed()) > _MAX_PATTERNS

    def statement(self) -> Statement:
        """Return the statement that allows to read them.

        Raises ValueError instead of allowing a whole bucket because of their number if other files are in it as well.
        """
        found = self._allowed()
        if self.are_many and self._are_assets:
            raise ValueError(
                f"files of a stack must have at most {_MAX_PATTERNS} endings, got {len(found)} of assets: name them "
                "alike, such as *.bin, so that one pattern allows them all"
            )
        is_open = self.are_many or _EVERY_OBJECT in found
        arn = once.get(self._bucket, "bucket_arn")
        arns = [f"{arn}/{one}" for one in ([_EVERY_OBJECT] if is_open else sorted(found))]
        return Statement(self._actions, arns, owned_by(self.owners), _BUCKET_REASON if is_open else _FOLDER_REASON)

    def _allowed(self) -> set[str]:
        return {
            lasting if any(outlives() for outlives in updates) else own
            for (own, lasting), updates in self._patterns.items()
        }


def warn(scope: Construct, needs: Needs) -> None:
    """Add a warning for each file that makes a policy wider than a key or prefix with a known folder would.

    To be called at the end of synth, since removal policies can change until then.
    """
    is_own_role = isinstance(needs.role, OtaServiceRole)
    for index, file in enumerate(needs.files):
        found = [] if file.object is None else list(_wide_key(file.object, needs if is_own_role else None))
        if is_own_role and (job := file.signing_job) is not None:
            found += _wide_prefix(job)
        for message in found:
            Annotations.of(scope).add_warning_v2("cdk-iot-ota:wide-permission", f"files[{index}]: {message}")


def _wide_key(found: InBucket, needs: Needs | None) -> Iterator[str]:
    _, *rest = tokens.literal_parts(found.key)
    if rest and (not _extension(found) or any("/" in part for part in rest)):
        remedy = (
            "give the local file an extension, such as .bin"
            if found.is_asset
            else 'give its folder and extension as literal text, such as f"firmware/{version}.bin"'
        )
        yield f"synth does not know its key, so roles may read {pattern(found)} of its bucket: {remedy}"
    if needs is not None and pattern(found, outlives_declaration=needs.outlives_declaration) != pattern(found):
        yield (
            f"its key {found.key!r} has no folder and no extension, and its update may outlive its declaration, so AWS "
            "IoT may read the whole bucket: give the key a folder or an extension, such as firmware/1.bin"
        )


def _wide_prefix(job: SigningJob) -> Iterator[str]:
    head, *rest = tokens.literal_parts(job.prefix)
    if rest and "/" not in head:
        yield (
            f"synth does not know its destination_prefix, so AWS IoT may read and write {prefix_pattern(job)} of the "
            'bucket: begin it with a folder as literal text, such as f"signed/{version}/"'
        )


def _extension(found: InBucket) -> str:
    end = tokens.literal_parts(found.key)[-1] or found.extension
    match = _EXTENSION.search(_DIGEST.sub("?", end))
    return match.group() if match else ""
