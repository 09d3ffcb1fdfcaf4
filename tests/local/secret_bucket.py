"""A versioned bucket in which every object is encrypted with a KMS key."""

from __future__ import annotations

from typing import Any


class SecretBucket:
    """Holds one object, `blinky.bin`."""

    def __init__(self, aws: Any, name: str, *, versioned: bool = True) -> None:
        s3 = aws.client("s3")
        self.name, self.arn = name, f"arn:aws:s3:::{name}"
        self.key: str = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": aws.region})
        if versioned:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": self.key}}
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
        self.version: str = s3.put_object(Bucket=name, Key="blinky.bin", Body=b"y" * 500).get("VersionId", "")
