"""A real AWS account to deploy to. Everything that tests create in it has the same name prefix."""

import functools
import os
import secrets
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import boto3
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_local.client.mqtt import connect_mqtt
from tests.end_to_end.support.opt_in import OptInError, check_credentials, configured_region, requested_account

# The start of the name prefix of every run, and the attribute of its things.
PREFIX = "cdk-iot-ota-test-"
MARK = {"made-by": PREFIX.rstrip("-")}

_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 10})


class NamePrefixError(Exception):
    """A test tried to create something without the name prefix, which nothing would clean up."""


class RealAws:
    """An `Account` (see cdk_iot_ota_local) in which all names begin with `prefix`."""

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
        """A bucket created by the run, because the account may not be bootstrapped."""
        return self.named("assets")

    def client(self, service: str, **options: Any) -> Any:
        """Return a boto3 client that creates nothing without the prefix; `options` go to boto3."""
        options = {**options, "region_name": self.region, "config": _CONFIG.merge(options.get("config", Config()))}
        client = self._connect(service, options)
        if service == "iot-jobs-data" and client.meta.endpoint_url.startswith("https://data.jobs.iot."):
            # The SDK's default host serves no account. An endpoint from the environment is kept.
            client = self._connect(service, {**options, "endpoint_url": f"https://{jobs_endpoint(self._iot)}"})
        client.meta.events.register("before-parameter-build", self._check_name)
        return client

    def _connect(self, service: str, options: dict[str, Any]) -> Any:
        # Creating clients from one session is not thread-safe.
        with self._lock:
            return self._session.client(service, **options)

    def named(self, name: str) -> str:
        """Add the prefix to a name."""
        return f"{self.prefix}{name}"

    def owns(self, kind: str, name: str) -> bool:
        """Return True if the targets, stack or bucket of an update, a job or a stream have the prefix.

        Its own name does not tell: ids of updates and jobs may be cut, and AWS names streams at random.
        """
        if (kind, name) in self._others:
            return False
        related = self._related_names(kind, name)
        owned = any(one.startswith(self.prefix) for one in related)
        if related and not owned:
            self._others.add((kind, name))
        return owned

    def add_things(self, group: str, things: Sequence[str]) -> None:
        """Create things in a group, with an attribute by which clean-up finds them."""
        for thing in things:
            self._iot.create_thing(thingName=thing, attributePayload={"attributes": MARK})
            self._iot.add_thing_to_thing_group(thingName=thing, thingGroupName=group)

    def connect_mqtt(self, client_id: str) -> Any:
        """Return a client of paho-mqtt that has connected to the account's message broker."""
        endpoint = str(self._iot.meta.endpoint_url)
        if not endpoint.startswith("https://iot."):
            # An endpoint from the environment is kept.
            return connect_mqtt(endpoint, self.account, self.region, client_id)
        host = str(self._iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"])
        client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, transport="websockets")
        client.tls_set()
        signed = urlsplit(signed_url(host, self.region, self._session.get_credentials().get_frozen_credentials()))
        client.ws_set_options(path=f"{signed.path}?{signed.query}")
        client.connect(host, 443)
        return client

    def _related_names(self, kind: str, name: str) -> list[str]:
        """List the names of an update's, job's or stream's targets, stack or buckets; empty if it is gone."""
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
        """Return the ARN of the stack that created an update; its targets may be missing or not the run's."""
        found = self._iot.list_tags_for_resource(resourceArn=arn).get("tags", [])
        return [tag["Value"] for tag in found if tag["Key"] == names.STACK_TAG]

    def _check_name(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        """Check the first required parameter of Create* and Put*: the name of the new resource or its parent."""
        if not model.name.startswith(("Create", "Put")):
            return
        parameter = next(iter(model.input_shape.required_members), "")
        name = params.get(parameter, "")
        if not name.startswith(self.prefix):
            raise NamePrefixError(f"{model.name}: {parameter} must begin with {self.prefix}, got {name!r}: use named()")


def _names(arns: list[str]) -> list[str]:
    return [arn.split("/")[1] for arn in arns]


def signed_url(host: str, region: str, credentials: Any) -> str:
    """Return the URL of a message broker, signed for a day. AWS IoT takes the session token behind the signature."""
    request = AWSRequest("GET", f"https://{host}/mqtt")
    lasting = Credentials(credentials.access_key, credentials.secret_key)
    SigV4QueryAuth(lasting, "iotdevicegateway", region, expires=86_400).add_auth(request)
    token = f"&X-Amz-Security-Token={quote(credentials.token, safe='')}" if credentials.token else ""
    return f"{request.url}{token}"


def jobs_endpoint(iot: Any) -> str:
    """Return the host of the account's Jobs data endpoint, which AWS is merging with the device data endpoint."""
    try:
        found = iot.describe_endpoint(endpointType="iot:Jobs")
    except iot.exceptions.InvalidRequestException:
        found = iot.describe_endpoint(endpointType="iot:Data-ATS")
    return str(found["endpointAddress"])


def new_prefix() -> str:
    """Return a new name prefix for one run."""
    return f"{PREFIX}{secrets.token_hex(4)}-"


def opted_in_account(prefix: str, environment: Mapping[str, str] = os.environ) -> RealAws | None:
    """Return the account set in the environment, or None; raise OptInError if anything is missing."""
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
