"""A stub of AWS IoT and CloudFormation on loopback: one update that exists, is deployed, and never changes."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@contextmanager
def serve(ota_update_id: str, tags: Mapping[str, str]) -> Iterator[str]:
    """Answer GetOTAUpdate and ListTagsForResource while the context is open; yields the URL."""
    info = {
        "otaUpdateId": ota_update_id,
        "otaUpdateArn": f"arn:aws:iot:eu-central-1:111122223333:otaupdate/{ota_update_id}",
        "otaUpdateStatus": "CREATE_COMPLETE",
        "creationDate": 1_700_000_000,
        "awsIotJobId": f"AFR_OTA-{ota_update_id}",
        "awsIotJobArn": f"arn:aws:iot:eu-central-1:111122223333:job/AFR_OTA-{ota_update_id}",
    }
    answers = {
        "/otaUpdates": {"otaUpdateInfo": info},
        "/tags": {"tags": [{"Key": key, "Value": value} for key, value in tags.items()]},
    }

    class Handler(BaseHTTPRequestHandler):
        """Answers by the beginning of the path, and with 404 to every other call."""

        protocol_version = "HTTP/1.1"
        # Or a second call on the same connection waits 40 ms for the client's kernel.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            found = next((answer for path, answer in answers.items() if self.path.startswith(path)), None)
            body = json.dumps(found).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
