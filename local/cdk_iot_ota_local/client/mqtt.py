"""MQTT over a WebSocket to the emulator, signed with SigV4 as AWS IoT requires it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ..network import require_loopback_url
from .environment import SECRET

_EXPIRES_SECONDS = 86_400


def connect_mqtt(endpoint_url: str, account: str, region: str, client_id: str) -> Any:
    """Return a client of paho-mqtt that has connected; its network loop is not started."""
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    endpoint = urlsplit(require_loopback_url(endpoint_url))
    # The emulator tells AWS IoT's messages by the name in the header; the connection goes to loopback.
    host = f"data-ats.iot.{region}.{endpoint.netloc}"
    request = AWSRequest("GET", f"http://{host}/mqtt")
    SigV4QueryAuth(Credentials(account, SECRET), "iotdevicegateway", region, expires=_EXPIRES_SECONDS).add_auth(request)
    signed = urlsplit(str(request.url))
    client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, transport="websockets")
    client.ws_set_options(path=f"{signed.path}?{signed.query}", headers={"Host": host})
    client.connect(str(endpoint.hostname), endpoint.port or 80)
    return client
