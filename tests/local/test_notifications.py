"""Devices that listen are notified of the changes of their jobs."""

import json
import queue
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("topic_filter", "names"),
    [
        ("$aws/things/bench-1/jobs/notify", {"notify"}),
        ("$aws/things/+/jobs/notify-next", {"notify-next"}),
        ("$aws/things/bench-1/#", {"notify", "notify-next"}),
    ],
)
def test_who_listens_is_notified(account: Any, topic_filter: str, names: set[str]) -> None:
    """A client whose topic filter matches is told of a new job and of its deletion."""
    messages: queue.Queue[tuple[str, Any]] = queue.Queue()
    subscribed: queue.Queue[None] = queue.Queue()
    client = account.aws.connect_mqtt("listener")
    client.on_message = lambda client, data, message: messages.put((message.topic, json.loads(message.payload)))
    client.on_subscribe = lambda *_: subscribed.put(None)
    client.on_connect = lambda *_: client.subscribe(topic_filter)
    client.loop_start()
    try:
        subscribed.get(timeout=10)
        job = account.created("heard")["awsIotJobId"]
        created = [messages.get(timeout=10) for _ in names]
        account.remove("heard")
        deleted = [messages.get(timeout=10) for _ in names]
    finally:
        client.disconnect()
        client.loop_stop()
    for found in (created, deleted):
        assert {topic for topic, _ in found} == {f"$aws/things/bench-1/jobs/{name}" for name in names}
    assert all(job in json.dumps(message) for _, message in created)
    assert not any(job in json.dumps(message) for _, message in deleted)
