"""Clients of boto3 whose answers a test prepares."""

from typing import Any

import boto3
from botocore.stub import Stubber

from cdk_iot_ota_handler.ota_update.service import OtaService


class Stubs:
    """All clients with stubbed answers; every call is checked against the API's model."""

    def __init__(self) -> None:
        keys: Any = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "eu-central-1"}
        iot: Any = boto3.client("iot", **keys)
        s3: Any = boto3.client("s3", **keys)
        cloudformation: Any = boto3.client("cloudformation", **keys)
        cloudwatch: Any = boto3.client("cloudwatch", **keys)
        clients = {"iot": iot, "s3": s3, "cloudformation": cloudformation, "cloudwatch": cloudwatch}
        self.service = OtaService(clients.__getitem__)
        self.all = self.iot, self.s3, self.cloudformation, self.cloudwatch = (
            Stubber(iot),
            Stubber(s3),
            Stubber(cloudformation),
            Stubber(cloudwatch),
        )
        for stub in self.all:
            stub.activate()
