"""Devices get the blocks of a stream over MQTT, with the messages of AWS's MQTT-based file delivery."""

from __future__ import annotations

import base64
import json
import queue
from collections.abc import Iterator
from typing import Any

import cbor2
import pytest

from tests.local.roles import DELETION, JOB, READ, Roles

IMAGE = bytes(range(256)) * 10 + b"end"


class Device:
    """A device that sends requests and waits for the answers."""

    def __init__(self, aws: Any, thing: str) -> None:
        self._thing = thing
        self._messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._client = aws.connect_mqtt(thing)
        self._client.on_message = lambda client, data, message: self._messages.put((message.topic, message.payload))
        subscribed: queue.Queue[None] = queue.Queue()
        self._client.on_subscribe = lambda *_: subscribed.put(None)
        self._client.on_connect = lambda *_: self._client.subscribe(f"$aws/things/{thing}/streams/+/+/+")
        self._client.loop_start()
        subscribed.get(timeout=10)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, stream: str, verb: str, request: Any, format_: str = "json", thing: str | None = None) -> None:
        """Send a request, by default on the topic of this device; bytes are sent as they are."""
        payload = request if isinstance(request, bytes) else (cbor2.dumps if format_ == "cbor" else json.dumps)(request)
        self._client.publish(f"$aws/things/{thing or self._thing}/streams/{stream}/{verb}/{format_}", payload)

    def receive(self) -> tuple[str, dict[str, Any]]:
        """Return the last two segments of the topic and the message of the next answer; requests also come back."""
        while True:
            topic, payload = self._messages.get(timeout=10)
            name = "/".join(topic.split("/")[-2:])
            if not name.startswith(("get/", "describe/")):
                return name, cbor2.loads(payload) if name.endswith("cbor") else json.loads(payload)

    def rejection(self, stream: str, verb: str, request: Any, format_: str = "json") -> str:
        """Send a request that is rejected, and return the error code."""
        self.send(stream, verb, request, format_)
        topic, message = self.receive()
        assert topic == f"rejected/{format_}", message
        assert message["m"]
        return str(message["o"])


@pytest.fixture(scope="module")
def device(shared: Any) -> Iterator[Device]:
    """Connect the device of the account's thing."""
    shared.s3.put_object(Bucket=shared.bucket, Key="image.bin", Body=IMAGE)
    connected = Device(shared.aws, "bench-1")
    yield connected
    connected.close()


@pytest.fixture
def stream(account: Any, device: Device) -> str:
    """Create an update for the thing, and return the id of its stream."""
    account.created("streamed", files=[account.file(key="image.bin")])
    return str(account.document("streamed")["streamname"])


@pytest.mark.parametrize("format_", ["json", "cbor"])
def test_a_file_arrives_in_blocks(device: Device, stream: str, format_: str) -> None:
    """Blocks have number, size and content, the last one is shorter, and together they are the file."""
    device.send(stream, "describe", {"c": "token"}, format_)
    assert device.receive() == (f"description/{format_}", {"c": "token", "s": 0, "r": [{"f": 0, "z": len(IMAGE)}]})
    device.send(stream, "get", {"c": "token", "s": 0, "f": 0, "l": 1024, "n": 3}, format_)
    blocks = []
    for number, size in enumerate((1024, 1024, len(IMAGE) - 2048)):
        topic, message = device.receive()
        blocks.append(base64.b64decode(message.pop("p")) if format_ == "json" else message.pop("p"))
        assert (topic, message) == (f"data/{format_}", {"c": "token", "f": 0, "l": size, "i": number})
    assert b"".join(blocks) == IMAGE


@pytest.mark.parametrize(
    ("request_", "numbers"),
    [
        ({"o": 8, "n": 2}, [8, 9]),
        ({"o": 9}, [9, 10]),
        ({"o": 1, "b": "0x1301"}, [1, 2, 5, 9]),
        ({"o": 1, "n": 2, "b": "1301"}, [1, 2]),
        ({"b": "0004ff"}, [10]),
    ],
)
def test_offset_number_and_bitmap_choose_blocks(
    device: Device, stream: str, request_: dict[str, Any], numbers: list[int]
) -> None:
    """A request gets the blocks from its offset on, those of its bitmap, and not more than its number of blocks."""
    device.send(stream, "get", {"f": 0, "l": 256, **request_})
    device.send(stream, "describe", {})
    answers = []
    while (answer := device.receive())[0] != "description/json":
        answers.append(answer[1]["i"])
    assert answers == numbers


def test_a_bitmap_in_cbor_is_bytes(device: Device, stream: str) -> None:
    """The bitmap of a CBOR request is a byte string."""
    device.send(stream, "get", {"f": 0, "l": 256, "o": 0, "n": 1, "b": b"\x80"}, "cbor")
    assert device.receive() == ("data/cbor", {"f": 0, "l": 256, "i": 7, "p": IMAGE[7 * 256 : 8 * 256]})


def test_one_request_gets_128_kilobytes(account: Any, device: Device) -> None:
    """A request for more gets blocks of 128 kB together."""
    account.s3.put_object(Bucket=account.bucket, Key="large.bin", Body=bytes(200_000))
    account.created("large", files=[account.file(key="large.bin")])
    stream = account.document("large")["streamname"]
    device.send(stream, "get", {"f": 0, "l": 131_072, "n": 2}, "cbor")
    device.send(stream, "get", {"f": 0, "l": 100_000, "o": 1, "n": 2}, "cbor")
    assert [(device.receive()[1]["i"]) for _ in range(2)] == [0, 1]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"{", "InvalidJson"),
        ([], "InvalidRequest"),
        ({"l": 256}, "InvalidRequest"),
        ({"f": 0, "l": 256, "c": "x" * 65}, "InvalidRequest"),
        ({"f": 0, "l": 256, "b": "xyz"}, "InvalidRequest"),
        ({"f": 0, "l": 255}, "BlockSizeOutOfBounds"),
        ({"f": 0, "l": 131_073}, "BlockSizeOutOfBounds"),
        ({"f": 0, "l": 256, "o": 98_305}, "OffsetOutOfBounds"),
        ({"f": 0, "l": 256, "n": 98_305}, "BlockCountLimitExceeded"),
        ({"f": 0, "l": 256, "b": "00" * 12_288}, "BlockBitmapLimitExceeded"),
        ({"f": 0, "l": 256, "o": 11}, "ResourceNotFound"),
        ({"f": 1, "l": 256}, "ResourceNotFound"),
        ({"f": 0, "l": 256, "s": 7}, "VersionMismatch"),
    ],
)
def test_wrong_requests_are_rejected(device: Device, stream: str, request_: Any, code: str) -> None:
    """A request that AWS does not allow is rejected with its error code."""
    assert device.rejection(stream, "get", request_) == code


def test_a_rejection_repeats_the_token(device: Device, stream: str) -> None:
    """A rejection in CBOR has code, message and client token, and a request that is not CBOR is rejected too."""
    device.send(stream, "get", {"c": "mine", "f": 0, "l": 1}, "cbor")
    message = "Member l must be between 256 and 131072, got 1"
    assert device.receive() == ("rejected/cbor", {"o": "BlockSizeOutOfBounds", "m": message, "c": "mine"})
    assert device.rejection(stream, "get", b"\xff", "cbor") == "InvalidCbor"


def test_only_devices_of_the_update_are_served(account: Any, device: Device, stream: str) -> None:
    """A thing without a pending job of the update gets nothing, nor does one whose job has ended."""
    account.iot.create_thing(thingName="stranger")
    other = Device(account.aws, "stranger")
    assert other.rejection(stream, "get", {"f": 0, "l": 256}) == "Unauthorized"
    assert other.rejection("nothing", "describe", {}) == "ResourceNotFound"
    other.close()
    account.iot.cancel_job(jobId="AFR_OTA-streamed")
    assert device.rejection(stream, "describe", {}) == "Unauthorized"


def test_a_stream_of_the_users_is_for_every_thing(account: Any, device: Device) -> None:
    """A stream that no update uses has its description, and serves every thing that exists."""
    location = {"bucket": account.bucket, "key": "image.bin"}
    files = [{"fileId": 7, "s3Location": location}]
    account.iot.create_stream(streamId="mine", files=files, roleArn=account.role, description="of mine")
    device.send("mine", "describe", {})
    assert device.receive()[1] == {"s": 0, "d": "of mine", "r": [{"f": 7, "z": len(IMAGE)}]}
    account.s3.put_object(Bucket=account.bucket, Key="image.bin", Body=IMAGE[::-1])
    assert device.rejection("mine", "get", {"f": 7, "l": 256}) == "ETagMismatch"
    account.s3.put_object(Bucket=account.bucket, Key="image.bin", Body=IMAGE)
    unknown = Device(account.aws, "unknown")
    assert unknown.rejection("mine", "describe", {}) == "Unauthorized"
    unknown.close()


def test_the_pinned_version_arrives(account: Any, device: Device) -> None:
    """Blocks come from the version that the update pins, also after the object has changed."""
    bucket = "streamed-versions"
    account.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": account.aws.region})
    account.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = account.s3.put_object(Bucket=bucket, Key="a", Body=b"pinned")["VersionId"]
    file = {**account.file(), "fileLocation": {"s3Location": {"bucket": bucket, "key": "a", "version": version}}}
    account.created("pin", files=[file])
    account.s3.put_object(Bucket=bucket, Key="a", Body=b"newer")
    device.send(account.document("pin")["streamname"], "get", {"f": 0, "l": 256, "n": 1}, "cbor")
    assert device.receive()[1]["p"] == b"pinned"


def test_the_role_of_the_stream_reads(roles: Roles) -> None:
    """With IAM, a stream whose role may no longer read its object is rejected."""
    account, needed = roles.account, [*JOB, *READ, *DELETION]
    statements = roles.statements(needed, role=roles.next_role())
    role = roles.service_role(needed)
    account.created("closed", roleArn=role)
    device, stream = Device(account.aws, "bench-1"), account.document("closed")["streamname"]
    device.send(stream, "describe", {})
    assert device.receive()[0] == "description/json"
    roles.allow(role, [one for one in statements if one["Action"] != "s3:GetObject"])
    assert device.rejection(stream, "get", {"f": 0, "l": 256}) == "Unauthorized"
    device.close()
    account.remove("closed")
