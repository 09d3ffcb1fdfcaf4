"""The report: the results as Markdown, in the results' folder and in the documents that quote them."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .measure import ROOT, Result, ratios, spread
from .synth import EMPTY, NAMES

RESULTS = ROOT / "benchmarks" / "results"
DOCUMENT, README = ROOT / "docs" / "benchmarks.md", ROOT / "README.md"
_CUSTOM_RESOURCE, _OURS, _OWN_ROLE = "AwsCustomResource", "cdk-iot-ota", "cdk-iot-ota, own role"
_TITLES = {
    "goals": "Goals",
    "synth": "Synth",
    "border": "Calls over the border",
    "deploy": "Deploys on local AWS",
    "handler": "Cold start of the handler",
    "gate": "A gate that waits until it times out",
    "growth": "Growth of one update",
}
Row = Sequence[object]


def load(folder: Path = RESULTS) -> Result:
    """Read the stored results, or return none if there are none."""
    path = folder / "results.json"
    return json.loads(path.read_text()) if path.exists() else {}


def markdown(results: Result) -> str:
    """Return the whole report."""
    found = {name: table for name in _TITLES if (table := _tables(results)[name])}
    return "\n\n".join(f"## {_TITLES[name]}\n\n{text}" for name, text in found.items()) + "\n"


def _tables(results: Result) -> dict[str, str]:
    parts = {"goals": _goals, "synth": _synth, "border": _border, "deploy": _deploy, "handler": _handler}
    return {name: part(results) for name, part in {**parts, "gate": _gate, "growth": _growth}.items()}


def write(results: Result, folder: Path = RESULTS) -> None:
    """Write the results as JSON and Markdown, and into the documents if the folder is the one that is committed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "results.md").write_text(f"# Results\n\n{markdown(results)}")
    if folder == RESULTS:
        for document in (DOCUMENT, README):
            document.write_text(up_to_date(document.read_text(), results))


def up_to_date(text: str, results: Result) -> str:
    """Return a document with its generated parts, between ``begin`` and ``end`` of a part's name, replaced."""
    parts = {**_tables(results), "claims": claims(results)}

    def made(place: re.Match[str]) -> str:
        return f"<!-- begin {place[1]} -->\n{parts[place[1]]}\n<!-- end {place[1]} -->"

    return re.sub(rf"<!-- begin ({'|'.join(parts)}) -->.*?<!-- end \1 -->", made, text, flags=re.DOTALL)


def claims(results: Result) -> str:
    """Return what the README says about speed and cost: a row for each claim whose part was measured."""
    rows: list[Row] = [
        (
            f"synth, {size} update{'s' * (size > 1)}",
            f"{_synth_ratio(results, _OURS, size)['median']:.2f} times AwsCustomResource",
        )
        for size in _sizes(results)
    ]
    extra, peer = (_calls_for_each(results, name) for name in (_OURS, _CUSTOM_RESOURCE))
    if extra is not None and peer is not None:
        rows.append(("calls of each further update from Python to Node", f"{extra:.1f}; AwsCustomResource {peer:.1f}"))
    if deploy := results.get("deploy"):
        (answer,) = [one["seconds"]["median"] for one in deploy["answers"] if one["app"] == _OURS]
        rows.append(("from a created update to CloudFormation's answer, on local AWS", f"{answer:.1f} s"))
    if handler := results.get("handler"):
        ratio = handler["cases"][-1]["to client"]["median"]
        rows.append(("first look of a cold function", f"{ratio:.2f} times boto3's start with one client"))
    if gate := results.get("gate"):
        rows.append((f"a gate that waits for {gate['minutes']} minutes", f"{gate['total']:.3f} US dollars"))
    return _table(("measured", "median"), rows)


def _goals(results: Result) -> str:
    goals: list[tuple[str, float, Mapping[str, float]]] = []
    for name in (_OURS, _OWN_ROLE):
        if (calls := _calls_for_each(results, name)) is not None:
            goals.append((f"{name}: calls over the border for each further update", 10, spread([calls])))
        for size, limit in ((100, 1.2), (450, 0.95)):
            if size in _sizes(results):
                ratio = _synth_ratio(results, name, size)
                goals.append((f"{name}: synth of {size} updates, ratio to AwsCustomResource", limit, ratio))
    for case in results.get("handler", {}).get("cases", [])[-1:]:
        goals.append(("first look of a cold function, ratio to boto3 with one client", 1.15, case["to client"]))
    for one in results.get("deploy", {}).get("answers", []):
        if one["app"] == _OURS:
            goals.append(("seconds from a created update to CloudFormation's answer", 1, one["seconds"]))
    rows = [
        (goal, f"at most {limit}", _spread(found), "yes" if found["median"] <= limit else "**no**")
        for goal, limit, found in goals
    ]
    return _table(("goal", "limit", "measured", "met"), rows)


def _synth(results: Result) -> str:
    if not (synth := results.get("synth")):
        return ""
    rows = [
        (
            case["updates"],
            case["app"],
            _spread(case["seconds"]),
            _spread(case["inside"]),
            _spread(case["cpu"]),
            f"{case['python_mib']['median']:.0f} + {case['node_mib']['median']:.0f}",
            f"{case['bytes']:,}",
            case["resources"],
            f"{case['calls']:,}",
            *(_spread(_ratio(results, case, key)) if case["updates"] else "" for key in ("seconds", "cpu")),
        )
        for case in sorted(synth["cases"], key=lambda case: case["updates"])
    ]
    head: Row = (
        "updates",
        "app",
        "seconds",
        "without the interpreter's start",
        "CPU seconds",
        "peak MiB, Python + Node",
    )
    head = (
        *head,
        "template bytes",
        "resources",
        "calls over the border",
        "ratio to AwsCustomResource",
        "ratio of CPU seconds",
    )
    return f"{_about(results, 'synth')}; pairs: {synth['pairs']}.\n\n{_table(head, rows)}"


def _border(results: Result) -> str:
    cases = results.get("synth", {}).get("cases", [])
    kinds = sorted({kind for case in cases for kind in case["border"]})
    rows = [(case["updates"], case["app"], *(case["border"].get(kind, 0) for kind in kinds)) for case in cases]
    for name in NAMES:
        if (calls := _calls_for_each(results, name)) is not None:
            rows.append(("each further", name, f"{calls:.1f} in all", *[""] * (len(kinds) - 1)))
    return _table(("updates", "app", *kinds), rows)


def _deploy(results: Result) -> str:
    if not (deploy := results.get("deploy")):
        return ""
    rows = [
        (case["updates"], case["app"], case["runs"], *(_spread(case[name]) for name in ("create", "replace", "delete")))
        for case in deploy["cases"]
    ]
    answers = [(one["app"], one["updates"], _spread(one["seconds"])) for one in deploy["answers"]]
    return "\n\n".join(
        [
            f"{_about(results, 'deploy')}.",
            _table(("updates", "app", "runs", "create, s", "replace, s", "delete, s"), rows),
            _table(("app", "updates", "seconds from a created update to CloudFormation's answer"), answers),
        ]
    )


def _handler(results: Result) -> str:
    if not (handler := results.get("handler")):
        return ""
    rows = [
        (
            case["name"],
            _spread(case["seconds"], 3),
            _spread(case["cpu"], 3),
            f"{case['mib']['median']:.0f}",
            _spread(case["to client"]),
            _spread(case["to call"]),
        )
        for case in handler["cases"]
    ]
    head = ("process", "seconds", "CPU seconds", "peak MiB", "ratio to one client", "ratio to one client and one call")
    return f"{_about(results, 'handler')}; rounds: {handler['rounds']}.\n\n{_table(head, rows)}"


def _gate(results: Result) -> str:
    if not (gate := results.get("gate")):
        return ""
    watched = gate["with_alarms"]
    names = sorted({*gate["calls"], *watched["calls"]})
    rows: list[Row] = [
        (name, *(f"{one['calls'].get(name, 0):,} calls" for one in (gate, watched)), "", "") for name in names
    ]
    rows += [
        (words, *(f"{one[name]:,.0f}" for one in (gate, watched)), "", "")
        for words, name in (
            ("invocations of is_complete", "looks"),
            ("seconds of the handler", "lambda_seconds"),
            ("log bytes", "log_bytes"),
        )
    ]
    rows += [
        (name, "", "", f"{gate['dollars'][name]:.5f}", f"{watched['dollars'][name]:.5f}") for name in gate["dollars"]
    ]
    rows.append(("together", "", "", f"{gate['total']:.5f}", f"{watched['total']:.5f}"))
    alarms = f"with {gate['alarms']} alarms"
    head = (f"a gate of {gate['minutes']} minutes", "amount", alarms, "US dollars", alarms)
    return f"{_about(results, 'gate')}. Prices: {gate['prices']}.\n\n{_table(head, rows)}"


def _growth(results: Result) -> str:
    if not (growth := results.get("growth")):
        return ""
    rows = [
        (
            f"{case['size']:,} {case['of']}",
            "deploy" if case["of"] == "devices" else "synth",
            _spread(case["seconds"]),
            f"{case['bytes']:,}" if "bytes" in case else "",
            case.get("resources", ""),
            case["calls"],
        )
        for case in growth["cases"]
    ]
    head = ("one update with", "of", "seconds", "template bytes", "resources", "calls")
    calls = "Calls are those over the border for a synth, and those of AWS IoT and S3 for a deploy."
    return f"{_about(results, 'growth')}. {calls}\n\n{_table(head, rows)}"


def _case(results: Result, name: str, updates: int) -> Result | None:
    cases = results.get("synth", {}).get("cases", [])
    return next((case for case in cases if (case["app"], case["updates"]) == (name, updates)), None)


def _sizes(results: Result) -> list[int]:
    return sorted({case["updates"] for case in results.get("synth", {}).get("cases", []) if case["app"] != EMPTY})


def _ratio(results: Result, case: Result, key: str = "seconds") -> dict[str, float]:
    other = _case(results, _CUSTOM_RESOURCE, case["updates"])
    return ratios(case["runs"][key], (other or case)["runs"][key])


def _synth_ratio(results: Result, name: str, updates: int) -> dict[str, float]:
    return _ratio(results, _case(results, name, updates) or {})


def _calls_for_each(results: Result, name: str) -> float | None:
    """Return the calls for each further update, between the two greatest numbers of updates that were measured."""
    few, many = ([_case(results, name, size) for size in _sizes(results)[-2:]] + [None, None])[:2]
    if few is None or many is None:
        return None
    difference: float = (many["calls"] - few["calls"]) / (many["updates"] - few["updates"])
    return difference


def _about(results: Result, part: str) -> str:
    machine: Mapping[str, Any] = results[part]["machine"]
    names = ("Python", "Node", "aws-cdk-lib", "jsii", "boto3", "ministack")
    versions = ", ".join(f"{name} {machine[name]}" for name in names)
    where = f"{machine['system']}, {machine['cores']} cores (load {machine['load']} per core at the start)"
    return f"{machine['date']}, {where}, {versions}"


def _spread(values: Mapping[str, float], digits: int = 2) -> str:
    median, least, most = (f"{values[name]:.{digits}f}" for name in ("median", "min", "max"))
    return median if least == most else f"{median} ({least} to {most})"


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) if len(lines) > 2 else ""
