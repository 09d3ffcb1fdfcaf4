"""A real AWS account to deploy to. Everything that is made in it has a name with the same beginning."""

import functools
import os
import secrets
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from cdk_iot_ota_handler.ota_update.contract import names
from tests.end_to_end.support.opt_in import OptInError, check_credentials, configured_region, requested_account

# What the names of all runs begin with, and their things are marked with.
PREFIX = "cdk-iot-ota-test-"
MARK = {"made-by": PREFIX.rstrip("-")}

_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 10})


class NamePrefixError(Exception):
    """A test was about to make something that could not be told from what others have in the account."""


class RealAws:
    """An account and Region, for names that begin with `prefix`; see `cdk_iot_ota_local.Account`."""

    poll_seconds = 1.0

    def __init__(self, session: Any, account: str, region: str, prefix: str) -> None:
        self._session, self.account, self.region, self.prefix = session, account, region, prefix
        self._others: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    @functools.cached_property
    def _iot(self) -> Any:
        return self.client("iot")

    @property
    def assets_bucket(self) -> str:
        """A bucket of the run, since the account may not be bootstrapped."""
        return self.named("assets")

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client that makes nothing without the prefix; `options` go to boto3."""
        options = {**options, "region_name": self.region, "config": _CONFIG.merge(options.get("config", Config()))}
        client = self._connect(service, options)
        if service == "iot-jobs-data" and client.meta.endpoint_url.startswith("https://data.jobs.iot."):
            # The SDK's own address is no account's. One that the environment gives is left as it is.
            client = self._connect(service, {**options, "endpoint_url": f"https://{jobs_endpoint(self._iot)}"})
        client.meta.events.register("before-parameter-build", self._check_name)
        return client

    def _connect(self, service: str, options: dict[str, Any]) -> Any:
        # A session does not make clients in two threads at once.
        with self._lock:
            return self._session.client(service, **options)

    def named(self, name: str) -> str:
        """The name with the prefix."""
        return f"{self.prefix}{name}"

    def owns(self, kind: str, name: str) -> bool:
        """Whether an update, a job or a stream is of what has the prefix: by its targets, stack or bucket.

        Its own name does not say it: ids of updates and jobs may be cut short, and AWS names streams at random.
        """
        if (kind, name) in self._others:
            return False
        places = self._places(kind, name)
        ours = any(place.startswith(self.prefix) for place in places)
        if places and not ours:
            self._others.add((kind, name))
        return ours

    def add_things(self, group: str, things: Sequence[str]) -> None:
        """Declare things in a group, marked so that they are found among any number of others."""
        for thing in things:
            self._iot.create_thing(thingName=thing, attributePayload={"attributes": MARK})
            self._iot.add_thing_to_thing_group(thingName=thing, thingGroupName=group)

    def _places(self, kind: str, name: str) -> list[str]:
        """The names that belong to an update, a job or a stream; none if it is gone."""
        try:
            if kind == "stream":
                files = self._iot.describe_stream(streamId=name)["streamInfo"].get("files", [])
                return [file["s3Location"]["bucket"] for file in files if "s3Location" in file]
            if kind == "job":
                return _names(self._iot.describe_job(jobId=name)["job"].get("targets", []))
            update = self._iot.get_ota_update(otaUpdateId=name)["otaUpdateInfo"]
            return _names([*update.get("targets", []), *self._stacks_of(update["otaUpdateArn"])])
        except self._iot.exceptions.ResourceNotFoundException:
            return []

    def _stacks_of(self, arn: str) -> list[str]:
        """The id of the stack that has made an update: what it was meant for may not exist, nor be ours."""
        found = self._iot.list_tags_for_resource(resourceArn=arn).get("tags", [])
        return [tag["Value"] for tag in found if tag["Key"] == names.STACK_TAG]

    def _check_name(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        """Of all that creates or puts, the first required parameter is the name of what is made, or where."""
        if not model.name.startswith(("Create", "Put")):
            return
        parameter = next(iter(model.input_shape.required_members), "")
        name = params.get(parameter, "")
        if not name.startswith(self.prefix):
            raise NamePrefixError(f"{model.name}: {parameter} must begin with {self.prefix}, got {name!r}: use named()")


def _names(arns: list[str]) -> list[str]:
    return [arn.split("/")[1] for arn in arns]


def jobs_endpoint(iot: Any) -> str:
    """The host where devices of the account take jobs; AWS is about to serve it where all their data goes."""
    try:
        found = iot.describe_endpoint(endpointType="iot:Jobs")
    except iot.exceptions.InvalidRequestException:
        found = iot.describe_endpoint(endpointType="iot:Data-ATS")
    return str(found["endpointAddress"])


def new_prefix() -> str:
    """The prefix of one run."""
    return f"{PREFIX}{secrets.token_hex(4)}-"


def opted_in_account(prefix: str, environment: Mapping[str, str] = os.environ) -> RealAws | None:
    """The account that the environment names, or None; OptInError where something is missing."""
    account = requested_account(environment)
    if account is None:
        return None
    try:
        session = boto3.session.Session()
    except BotoCoreError as error:
        raise OptInError(f"the profile for account {account} cannot be used: {error}") from error
    region = configured_region(environment, session)
    check_credentials(session, account, region)
    return RealAws(session, account, region, prefix)
