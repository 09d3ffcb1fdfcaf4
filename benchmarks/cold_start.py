"""One cold start in this process, printed as JSON: `python -m benchmarks.cold_start CASE`, with the event on stdin.

client: import boto3 and create one client. call: the same, and one GetOTAUpdate. provider: the first look of the
hand-written Provider. look: import this library's handler, and take its first look.
"""

import sys

# Read before the clock starts, as the runtime of Lambda does.
_CASE, _INPUT = sys.argv[1], sys.stdin.read()

import time

_BEGUN, _CPU = time.perf_counter(), time.process_time()


def _run() -> object:
    if _CASE in ("client", "call"):
        import boto3

        client = boto3.client("iot")
        return client.get_ota_update(otaUpdateId="stub") if _CASE == "call" else None
    import json

    event = json.loads(_INPUT)
    if _CASE == "provider":
        from benchmarks.hand_written import index as hand_written

        return hand_written.is_complete(event, None)["IsComplete"]
    from cdk_iot_ota_handler.ota_update import index

    return index.handler(event, None)["IsComplete"]


if __name__ == "__main__":
    answer = _run()
    seconds, cpu = time.perf_counter() - _BEGUN, time.process_time() - _CPU
    if answer is False:
        sys.exit("the look has not found the update complete")
    import json
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu": cpu, "mib": peak}), file=sys.stderr)
