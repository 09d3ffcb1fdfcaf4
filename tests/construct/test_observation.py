"""Metrics, widgets and rules on events, which an app attaches to an update in order to see it."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Duration, Environment, NestedStack, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns
from constructs import Construct

from cdk_iot_ota import (
    FileLocation,
    IOtaUpdate,
    OtaTarget,
    OtaUpdate,
    OtaUpdateProvider,
    Phase,
    PhasedRollout,
    RolloutGate,
)
from cdk_iot_ota_handler.ota_update.contract import metrics

from .stacks import RESOURCE_TYPE, firmware, new_app, ota_file, ota_update, stack, template, updates, wrong

DOCUMENT = Path(__file__).parents[2] / "docs" / "observation.md"
# As in AWS's list of the metrics of jobs, which has no metric of devices that timed out.
OF_JOBS = {
    "queued": "QueuedJobExecutionTotalCount",
    "in_progress": "InProgressJobExecutionTotalCount",
    "succeeded": "SuccededJobExecutionTotalCount",
    "failed": "FailedJobExecutionTotalCount",
    "rejected": "RejectedJobExecutionTotalCount",
    "canceled": "CanceledJobExecutionTotalCount",
    "removed": "RemovedJobExecutionTotalCount",
}
OF_GATES = {"succeeded": metrics.SUCCEEDED, "failures": metrics.FAILURES, "needed": metrics.NEEDED}


@pytest.fixture
def prod() -> Stack:
    """Return an empty stack."""
    return stack()


@pytest.fixture
def update(prod: Stack, tmp_path: Path) -> OtaUpdate:
    """Return an update with a gate."""
    return ota_update(prod, "Blinky", firmware(tmp_path), gate=RolloutGate())


@pytest.fixture
def rollout(prod: Stack, tmp_path: Path) -> PhasedRollout:
    """Return a rollout of a phase with a gate, and one without."""
    return PhasedRollout(
        prod,
        "Rollout",
        phases=[
            Phase("canary", targets=[OtaTarget.thing_group("canary")], gate=RolloutGate()),
            Phase("fleet", targets=[OtaTarget.thing_group("fleet")]),
        ],
        files=[ota_file(FileLocation.from_asset(firmware(tmp_path)))],
    )


def only(made: Stack, resource_type: str) -> dict[str, Any]:
    """Return the properties of the one resource of a type."""
    (found,) = template(made).find_resources(resource_type).values()
    properties: dict[str, Any] = found["Properties"]
    return properties


def imported_topic(made: Stack) -> sns.ITopic:
    """Return a topic of another stack."""
    return sns.Topic.from_topic_arn(made, "Topic", made.format_arn(service="sns", resource="topic"))


def alarm(metric: cloudwatch.Metric, made: Stack) -> dict[str, Any]:
    """Return an alarm on a metric, as it is in the template."""
    metric.create_alarm(made, "Alarm", threshold=1, evaluation_periods=1)
    return only(made, "AWS::CloudWatch::Alarm")


@pytest.mark.parametrize(("state", "name"), OF_JOBS.items())
def test_each_state_of_devices_has_a_metric(state: str, name: str, prod: Stack, update: OtaUpdate) -> None:
    """The metric of a state is AWS's total of the update's current job, by its maximum in each minute."""
    found = alarm(getattr(update, f"metric_{state}")(), prod)
    assert (found["Namespace"], found["MetricName"], found["Statistic"], found["Period"]) == (
        "AWS/IoT",
        name,
        "Maximum",
        60,
    )
    assert found["Dimensions"] == [{"Name": "JobId", "Value": {"Fn::GetAtt": [*updates(prod), "JobId"]}}]


@pytest.mark.parametrize(("name", "metric"), OF_GATES.items())
def test_a_gate_has_metrics_that_outlive_its_firmware(name: str, metric: str, prod: Stack, update: OtaUpdate) -> None:
    """The metrics of a gate have the stack and the logical id as dimensions, and neither a job nor a device."""
    found = alarm(getattr(update, f"metric_gate_{name}")(), prod)
    assert (found["Namespace"], found["MetricName"], found["Statistic"]) == ("cdk-iot-ota", metric, "Maximum")
    (logical_id,) = updates(prod)
    assert found["Dimensions"] == [{"Name": "Stack", "Value": "Prod"}, {"Name": "Update", "Value": logical_id}]


def test_the_options_of_a_metric_are_those_of_cdk(prod: Stack, update: OtaUpdate) -> None:
    """Statistic and period of a metric can be chosen, any metric has a name, and a misspelled option is a TypeError."""
    found = alarm(update.metric("ServerErrorCount", statistic="Sum", period=Duration.minutes(5)), prod)
    assert (found["MetricName"], found["Statistic"], found["Period"]) == ("ServerErrorCount", "Sum", 300)
    with pytest.raises(TypeError, match="perod"):
        update.metric_failed(**wrong({"perod": 1}))


@pytest.mark.parametrize("declare", [OtaUpdate.from_ota_update_id, OtaUpdate.from_ota_update_arn])
def test_an_imported_update_has_the_metrics_of_its_job(
    declare: Callable[[Construct, str, str], IOtaUpdate], prod: Stack
) -> None:
    """The interface of updates has the metrics of jobs, and of gates and events what only a declared one can have."""
    is_arn = declare is OtaUpdate.from_ota_update_arn
    arn = prod.format_arn(service="iot", resource="otaupdate", resource_name="blinky-1")
    imported = declare(prod, "Imported", arn if is_arn else "blinky-1")
    found = alarm(imported.metric_succeeded(), prod)
    assert found["Dimensions"] == [{"Name": "JobId", "Value": "AFR_OTA-blinky-1"}]
    assert isinstance(imported, IOtaUpdate)
    assert not any(hasattr(imported, name) for name in ("metric_gate_needed", "on_event", "log_group", "provider"))


def test_the_metrics_of_a_stack_elsewhere_are_shown_from_there(tmp_path: Path) -> None:
    """On the dashboard of another Region, the metrics of an update are those of its Region, without an export."""
    app = new_app()
    there = Stack(app, "There", env=Environment(account="111122223333", region="eu-central-1"))
    here = Stack(app, "Here", env=Environment(account="111122223333", region="us-east-1"))
    update = ota_update(there, "Blinky", firmware(tmp_path), gate=RolloutGate())
    graph = cloudwatch.GraphWidget(left=[update.metric_gate_needed()])
    (metric,) = body_of(here, [[graph]])[0]["properties"]["metrics"]
    assert metric[:6] == ["cdk-iot-ota", "Needed", "Stack", "There", "Update", *updates(there)]
    assert metric[6]["region"] == "eu-central-1"
    assert not template(there).find_outputs("*")


def test_the_metrics_of_a_nested_stack_have_its_own_name(prod: Stack, tmp_path: Path) -> None:
    """The gate of an update in a nested stack has the nested stack's name as a dimension, known in the deploy."""
    nested = NestedStack(prod, "Nested")
    update = ota_update(nested, "Blinky", firmware(tmp_path), gate=RolloutGate())
    found = alarm(update.metric_gate_succeeded(), nested)
    assert found["Dimensions"][0] == {"Name": "Stack", "Value": {"Ref": "AWS::StackName"}}


@pytest.mark.parametrize("name", OF_GATES)
def test_metrics_that_are_not_written_are_refused(name: str, prod: Stack, tmp_path: Path) -> None:
    """A metric of a gate is refused without a gate, and with a provider that writes none."""
    ungated = ota_update(prod, "Ungated", firmware(tmp_path))
    with pytest.raises(ValueError, match=rf"^Prod/Ungated: the metric {OF_GATES[name]} needs a gate, got none: "):
        getattr(ungated, f"metric_gate_{name}")()
    provider = OtaUpdateProvider(prod, "Quiet", gate_metrics=False)
    quiet = ota_update(prod, "Blinky", firmware(tmp_path), gate=RolloutGate(), provider=provider)
    with pytest.raises(ValueError, match=r"^Prod/Blinky: the metric \w+ is not written: .* gate_metrics=True"):
        getattr(quiet, f"metric_gate_{name}")()


def test_metrics_of_gates_can_be_switched_off(prod: Stack, tmp_path: Path) -> None:
    """Without gate_metrics a variable tells the handler so; by default it has none."""
    ota_update(prod, "Blinky", firmware(tmp_path), provider=OtaUpdateProvider(prod, "Quiet", gate_metrics=False))
    ota_update(prod, "Other", firmware(tmp_path))
    functions = template(prod).find_resources("AWS::Lambda::Function", {"Properties": {"Runtime": "python3.14"}})
    found = [function["Properties"].get("Environment") for function in functions.values()]
    assert sorted(found, key=str) == [None, {"Variables": {"GATE_METRICS": "off"}}]


def body_of(made: Stack, rows: Sequence[Sequence[cloudwatch.IWidget]]) -> list[Any]:
    """Return the widgets of a dashboard with these rows, with references as their names."""
    dashboard = cloudwatch.Dashboard(made, "Dashboard")
    for row in rows:
        dashboard.add_widgets(*row)
    body = only(made, "AWS::CloudWatch::Dashboard")["DashboardBody"]
    parts = (
        part if isinstance(part, str) else part.get("Ref") or ".".join(part["Fn::GetAtt"])
        for part in body["Fn::Join"][1]
    )
    found: list[Any] = json.loads("".join(parts))["widgets"]
    return found


def test_an_update_has_rows_for_a_dashboard(prod: Stack, update: OtaUpdate) -> None:
    """The rows of an update show devices by state, its gate, the alarms that are given, and the log of the handler."""
    ringing = update.metric_failed().create_alarm(prod, "Alarm", threshold=1, evaluation_periods=1)
    devices, gate, alarms, log = body_of(prod, update.dashboard_widgets(alarms=[ringing]))
    assert [metric[1] for metric in devices["properties"]["metrics"]] == list(OF_JOBS.values())
    assert [metric[1] for metric in gate["properties"]["metrics"]] == list(OF_GATES.values())
    assert [widget["type"] for widget in (devices, gate, alarms, log)] == ["metric", "metric", "alarm", "log"]
    assert [widget["width"] for widget in (devices, gate, alarms, log)] == [12, 12, 24, 24]
    assert "Alarm" in alarms["properties"]["alarms"][0]
    (logical_id,) = updates(prod)
    assert f'filter stack like "/Prod/" and resource in ["{logical_id}"]' in log["properties"]["query"]
    assert prod.resolve(update.log_group.log_group_name)["Ref"] in log["properties"]["query"]
    assert update.provider.log_group is update.log_group


def test_the_alarms_of_gates_are_shown_once(prod: Stack, tmp_path: Path) -> None:
    """Without other alarms a dashboard shows those of the gates, each once."""
    ringing = cloudwatch.Alarm.from_alarm_arn(prod, "Alarm", "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:a")
    gate = RolloutGate(alarms=[ringing])
    phases = [Phase(name, targets=[OtaTarget.thing_group(name)], gate=gate) for name in ("canary", "fleet")]
    made = PhasedRollout(prod, "Rollout", phases=phases, files=[ota_file(FileLocation.from_asset(firmware(tmp_path)))])
    of_update = made.updates[0].dashboard_widgets()
    shown = [widget for widget in body_of(prod, [*made.dashboard_widgets(), *of_update]) if widget["type"] == "alarm"]
    assert [len(widget["properties"]["alarms"]) for widget in shown] == [1, 1]
    assert len(made.updates[0].dashboard_widgets(alarms=[])) == len(of_update) - 1


def test_an_update_without_a_gate_has_no_graph_of_one(prod: Stack, tmp_path: Path) -> None:
    """The graph of the devices takes the whole width if there is no gate, or no metrics of it."""
    provider = OtaUpdateProvider(prod, "Quiet", gate_metrics=False)
    rows = [
        *ota_update(prod, "Blinky", firmware(tmp_path)).dashboard_widgets(),
        *ota_update(prod, "Quietly", firmware(tmp_path), gate=RolloutGate(), provider=provider).dashboard_widgets(),
    ]
    assert [widget["width"] for widget in body_of(prod, rows)] == [24] * 4


def test_a_rollout_has_a_row_for_each_phase(prod: Stack, rollout: PhasedRollout) -> None:
    """The rows of a rollout show each phase, and one log of all of them."""
    *graphs, log = body_of(prod, rollout.dashboard_widgets())
    assert [graph["properties"]["title"] for graph in graphs] == ["canary: devices", "canary: gate", "fleet: devices"]
    assert all(f'"{logical_id}"' in log["properties"]["query"] for logical_id in updates(prod))


def test_nothing_is_in_the_template_until_it_is_used(prod: Stack, update: OtaUpdate, tmp_path: Path) -> None:
    """Metrics and widgets add no resource, so that the template is the same as without them."""
    update.metric_failed()
    update.metric_gate_failures()
    update.dashboard_widgets()
    other = stack()
    ota_update(other, "Blinky", firmware(tmp_path), gate=RolloutGate())
    assert template(prod).to_json() == template(other).to_json()


STATUSES = {
    "on_event": None,
    "on_deployed": {"status": ["CREATE_COMPLETE", "UPDATE_COMPLETE"]},
    "on_gate_failed": {
        "status": ["CREATE_FAILED", "UPDATE_FAILED"],
        "status-reason": [{"wildcard": "*the gate has failed*"}, {"wildcard": "*the update was not created: alarm*"}],
    },
}


@pytest.mark.parametrize(("name", "details"), STATUSES.items())
def test_a_rule_sees_the_events_of_its_update(
    name: str, details: dict[str, Any] | None, prod: Stack, update: OtaUpdate
) -> None:
    """A rule matches the events of one resource of one stack, has the target that is given, and exists before it."""
    topic = imported_topic(prod)
    rule = getattr(update, name)("Rule", target=targets.SnsTopic(topic), description="of blinky", rule_name="blinky")
    found = only(prod, "AWS::Events::Rule")
    ((logical_id, resource),) = updates(prod).items()
    assert found["EventPattern"] == {
        "source": ["aws.cloudformation"],
        "detail-type": ["CloudFormation Resource Status Change"],
        "detail": {
            "stack-id": [{"Ref": "AWS::StackId"}],
            "logical-resource-id": [logical_id],
            "resource-type": [RESOURCE_TYPE],
            **({} if details is None else {"status-details": details}),
        },
    }
    assert (found["Description"], found["Name"], len(found["Targets"])) == ("of blinky", "blinky", 1)
    assert set(resource["DependsOn"]) & set(template(prod).find_resources("AWS::Events::Rule"))
    assert isinstance(rule, events.Rule)


def test_a_rule_can_be_narrowed_and_get_targets_later(prod: Stack, update: OtaUpdate) -> None:
    """The rule that is returned takes more targets and narrower patterns, as every rule of CDK."""
    rule = update.on_event("Rule")
    rule.add_event_pattern(detail={"status-details": {"status": ["UPDATE_ROLLBACK_FAILED"]}})
    rule.add_target(wrong(targets.SnsTopic(imported_topic(prod))))
    found = only(prod, "AWS::Events::Rule")
    assert found["EventPattern"]["detail"]["status-details"] == {"status": ["UPDATE_ROLLBACK_FAILED"]}
    assert len(found["Targets"]) == 1
    with pytest.raises(TypeError, match="descripton"):
        update.on_event("Other", **wrong({"descripton": "typo"}))


def test_a_rule_of_a_rollout_sees_all_phases(prod: Stack, rollout: PhasedRollout) -> None:
    """A rule of a rollout sees all phases, that of failed gates those with one, and exists before their updates."""
    made = {name: getattr(rollout, name)(name) for name in STATUSES}
    canary, fleet = updates(prod)
    rules = template(prod).find_resources("AWS::Events::Rule")
    for name, seen in {"on_event": [canary, fleet], "on_deployed": [canary, fleet], "on_gate_failed": [canary]}.items():
        logical_id = prod.resolve(made[name].node.default_child.logical_id)
        assert rules[logical_id]["Properties"]["EventPattern"]["detail"]["logical-resource-id"] == seen
        assert [one for one, part in updates(prod).items() if logical_id in part["DependsOn"]] == seen


@pytest.mark.parametrize("in_rollout", [False, True])
def test_a_rule_sees_the_resources_that_watch_a_long_gate(prod: Stack, tmp_path: Path, *, in_rollout: bool) -> None:
    """The gate of hours may fail in each of its resources, and has passed with the last one."""
    gate = RolloutGate(timeout=Duration.hours(2))
    if in_rollout:
        targets_of, image = [OtaTarget.thing_group("canary")], ota_file(FileLocation.from_asset(firmware(tmp_path)))
        made: Any = PhasedRollout(prod, "Long", phases=[Phase("P", targets=targets_of, gate=gate)], files=[image])
    else:
        made = ota_update(prod, "Long", firmware(tmp_path), gate=gate)
    rules = {name: getattr(made, name)(name) for name in STATUSES}
    links = list(template(prod).find_resources("Custom::IoTOTAGate"))
    (update,) = updates(prod)
    found = template(prod).find_resources("AWS::Events::Rule")
    for name, seen in {
        "on_event": [update, *links],
        "on_deployed": links[-1:],
        "on_gate_failed": [update, *links],
    }.items():
        pattern = found[prod.resolve(rules[name].node.default_child.logical_id)]["Properties"]["EventPattern"]["detail"]
        assert pattern["logical-resource-id"] == seen
        both = [RESOURCE_TYPE, "Custom::IoTOTAGate"]
        assert pattern["resource-type"] == (both if len(seen) > 1 else both[1:])


def test_a_failure_that_cannot_come_is_refused(prod: Stack, tmp_path: Path) -> None:
    """on_gate_failed is refused for an update without a gate, and for a rollout of which no phase has one."""
    with pytest.raises(ValueError, match=r"^Prod/Blinky: on_gate_failed needs a gate, got none: declare gate="):
        ota_update(prod, "Blinky", firmware(tmp_path)).on_gate_failed("Failed")
    phases = [Phase("fleet", targets=[OtaTarget.thing_group("fleet")])]
    made = PhasedRollout(prod, "Rollout", phases=phases, files=[ota_file(FileLocation.from_asset(firmware(tmp_path)))])
    with pytest.raises(ValueError, match=r"^Prod/Rollout: on_gate_failed needs a phase with a gate, got none: "):
        made.on_gate_failed("Failed")


def test_a_wrong_option_of_a_rule_is_named(prod: Stack, tmp_path: Path) -> None:
    """A topic in place of its target, and an unknown option, are errors with the remedy."""
    made = ota_update(prod, "Blinky", firmware(tmp_path))
    topic = sns.Topic(prod, "Topic")
    with pytest.raises(
        TypeError, match=r"^Prod/Blinky: target must be an events.IRuleTarget, got Topic 'Prod/Topic': "
    ):
        made.on_event("Topic", target=wrong(topic))
    with pytest.raises(TypeError, match=r"options of a rule must be of target, description, rule_name, got targets$"):
        made.on_event("Targets", **wrong({"targets": []}))


def test_a_wrong_grantee_is_named(prod: Stack, tmp_path: Path) -> None:
    """Permissions are granted to what CDK can grant them to, and not to an ARN."""
    made = ota_update(prod, "Blinky", firmware(tmp_path))
    message = (
        "grantee must be an iam.IGrantable, got 'arn:aws:iam::111122223333:role/x': Role.from_role_arn takes an ARN"
    )
    for grant, path in ((made.grant_read, "Prod/Blinky"), (made.provider.grant_status, "Prod/OtaUpdateProvider")):
        with pytest.raises(TypeError, match=f"^{path}: {message}$"):
            grant(wrong("arn:aws:iam::111122223333:role/x"))


def test_the_log_of_a_failure_outlives_a_rollback(prod: Stack, tmp_path: Path) -> None:
    """The handler's log group is retained, under a name that CloudFormation makes up, unless the provider says no."""
    provider = OtaUpdateProvider(prod, "Tidy", log_removal_policy=RemovalPolicy.DESTROY)
    tidy = ota_update(prod, "Tidied", firmware(tmp_path), provider=provider)
    kept = ota_update(prod, "Blinky", firmware(tmp_path))
    groups = template(prod).find_resources("AWS::Logs::LogGroup")
    found = [groups[prod.resolve(one.log_group.log_group_name)["Ref"]] for one in (kept, tidy)]
    assert [group["DeletionPolicy"] for group in found] == ["Retain", "Delete"]
    assert all("LogGroupName" not in group["Properties"] for group in found)
    with pytest.raises(TypeError, match=r"^Prod/Other: log_removal_policy must be one of .*, got 'RETAIN'"):
        OtaUpdateProvider(prod, "Other", log_removal_policy=wrong("RETAIN"))


def examples() -> list[str]:
    """Return the Python code of the document."""
    return re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("code", examples(), ids=range(len(examples())))
def test_the_code_of_the_document_is_rendered(code: str, tmp_path: Path) -> None:
    """Each piece of code of docs/observation.md is rendered in a stack with an update and a rollout."""
    made = Stack(App(analytics_reporting=False), "Prod")
    path = firmware(tmp_path)
    names: dict[str, Any] = {}
    imports = (
        "from aws_cdk import CfnOutput, Duration, RemovalPolicy, aws_cloudwatch as cloudwatch, aws_events as events, "
        "aws_cloudwatch_actions as cloudwatch_actions, aws_events_targets as targets, aws_sns as sns\n"
        "from cdk_iot_ota import OtaUpdate, OtaUpdateProvider"
    )
    exec(imports, names)
    gate = RolloutGate()
    names["update"] = ota_update(made, "Blinky", path, gate=gate)
    names["rollout"] = PhasedRollout(
        made,
        "Rollout",
        phases=[Phase("canary", targets=[OtaTarget.thing_group("canary")], gate=gate)],
        files=[ota_file(FileLocation.from_asset(path))],
    )
    names |= {"self": made, "topic": sns.Topic(made, "Topic")}
    exec(code, names)
    assert template(made).to_json()["Resources"]
