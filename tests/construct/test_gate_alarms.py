"""Alarms and the bake time of a gate: their template, their permissions, and what is refused."""

from pathlib import Path
from typing import Any

import jsii
import pytest
from aws_cdk import CfnParameter, Duration, IStableStringProducer, Lazy, RemovalPolicies, Stack
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk_iot_ota import AlarmAtStart, FileLocation, GateFailure, OtaTarget, OtaUpdate, Phase, PhasedRollout, RolloutGate

from .stacks import firmware, new_app, only_update, ota_file, ota_update, stack, template, updates, wrong
from .test_permissions_statements import flat, granted, in_firmware, named

CLOUDWATCH = "arn:<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>:alarm:"
READ = ["cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms"]
MINUTES = Duration.minutes


def metric(name: str = "Crashes", **dimensions: str) -> cloudwatch.Metric:
    """Return a metric of devices."""
    return cloudwatch.Metric(namespace="Devices", metric_name=name, dimensions_map=dimensions or None)


def alarm(made: Stack, name: str = "Crashes", **options: Any) -> cloudwatch.Alarm:
    """Declare an alarm."""
    watched = options.pop("metric", None) or metric(name)
    return cloudwatch.Alarm(made, name, metric=watched, threshold=1, evaluation_periods=1, **options)


def imported(made: Stack, arn: str = "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:crashes") -> Any:
    """Import an alarm."""
    return cloudwatch.Alarm.from_alarm_arn(made, "Imported", arn)


def gated(made: Stack, path: Path, **gate: Any) -> OtaUpdate:
    """Declare an update with a gate."""
    return ota_update(made, "Blinky", firmware(path), gate=RolloutGate(**gate))


def test_alarms_and_bake_time_are_in_the_template(tmp_path: Path) -> None:
    """The gate has the names of the alarms, which makes them exist before, ten minutes of bake time, and no default."""
    prod = stack()
    gated(prod, tmp_path, alarms=[alarm(prod), imported(prod)])
    gate = only_update(prod)["Properties"]["Gate"]
    assert flat(gate) == {
        "SuccessPercentage": 100,
        "MaximumFailures": 0,
        "MinimumDevices": 1,
        "TimeoutInMinutes": 30,
        "AlarmNames": ["<Crashes>", "crashes"],
        "BakeTimeInMinutes": 10,
    }


@pytest.mark.parametrize(
    ("options", "rendered"),
    [
        ({"bake_time": MINUTES(15)}, {"BakeTimeInMinutes": 15}),
        ({"bake_time": MINUTES(0)}, {}),
        ({"alarm_at_start": AlarmAtStart.REFUSE}, {"BakeTimeInMinutes": 10}),
        ({"alarm_at_start": AlarmAtStart.ONLY_NEW}, {"AlarmAtStart": "ONLY_NEW", "BakeTimeInMinutes": 10}),
        ({"on_failure": GateFailure.REPORT}, {"OnFailure": "REPORT", "BakeTimeInMinutes": 10}),
    ],
)
def test_the_options_of_alarms(options: dict[str, Any], rendered: dict[str, Any]) -> None:
    """Only what differs from the defaults of the handler is in the template."""
    found = RolloutGate(alarms=[alarm(stack())], **options).render()
    kept = ("BakeTimeInMinutes", "AlarmAtStart", "OnFailure")
    assert {name: found[name] for name in kept if name in found} == rendered


def test_a_bake_time_needs_no_alarms() -> None:
    """Without alarms a bake time watches the counts, and there is none by default."""
    assert RolloutGate(bake_time=MINUTES(5)).render()["BakeTimeInMinutes"] == 5
    assert not {"BakeTimeInMinutes", "AlarmNames", "AlarmAtStart"} & RolloutGate().render().keys()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"timeout": MINUTES(471)},
            r"timeout and bake_time \(its default with alarms\) must be at most 480 minutes together, got 471 and 10",
        ),
        (
            {"timeout": MINUTES(300), "bake_time": MINUTES(175), "drain_time": MINUTES(6)},
            "timeout, bake_time and drain_time must be at most 480 minutes together, got 300, 175 and 6",
        ),
        ({"bake_time": MINUTES(480)}, "bake_time in minutes must be between 0 and 479, got 480"),
        ({"bake_time": wrong(10)}, "bake_time must be a Duration, got 10: write Duration.minutes"),
        ({"alarms": []}, "alarms must have 1 to 10 members, got 0"),
        ({"alarms": "crashes"}, "alarms must be a list of cloudwatch.IAlarm, got 'crashes'"),
        (
            {"alarms": ["crashes"]},
            "got 'crashes' in it: Alarm.from_alarm_name takes a name, Alarm.from_alarm_arn an ARN",
        ),
        (
            {
                "alarms": [
                    cloudwatch.Alarm.from_alarm_name(stack(), "Imported", "arn:aws:cloudwatch:eu-west-1:1:alarm:a")
                ]
            },
            "name of an alarm must not be an ARN, got 'arn:aws:.*: use Alarm.from_alarm_arn",
        ),
        (
            {
                "alarms": [
                    cloudwatch.CfnAlarm(stack(), "Low", comparison_operator="LessThanThreshold", evaluation_periods=1)
                ]
            },
            "alarms must be a list of cloudwatch.IAlarm, got CfnAlarm 'Prod/Low' in it: ",
        ),
        ({"alarm_at_start": wrong("REFUSE")}, "alarm_at_start must be one of AlarmAtStart.REFUSE, "),
        ({"alarms": None, "alarm_at_start": AlarmAtStart.ONLY_NEW}, "alarm_at_start must be left out without alarms"),
    ],
)
def test_a_bad_value_is_named(options: dict[str, Any], message: str) -> None:
    """A gate rejects alarms and times that do not fit, with the values and the remedy."""
    with pytest.raises((TypeError, ValueError), match=message):
        RolloutGate(**{"alarms": [alarm(stack())], **options})


def test_one_alarm_is_not_a_list() -> None:
    """An alarm alone, and the same one twice, are refused."""
    one = alarm(stack())
    with pytest.raises(TypeError, match="got one alone: put it into a list"):
        RolloutGate(alarms=wrong(one))
    with pytest.raises(ValueError, match="alarms must be different from one another"):
        RolloutGate(alarms=[one, one])


def test_times_that_are_tokens_are_left_to_the_handler() -> None:
    """Only the deploy can add up a parameter."""
    minutes = CfnParameter(stack(), "Minutes", type="Number").value_as_number
    assert "BakeTimeInMinutes" in RolloutGate(timeout=MINUTES(40), bake_time=MINUTES(minutes)).render()


@pytest.mark.parametrize(
    ("arn", "message"),
    [
        (
            "arn:aws:cloudwatch:us-east-1:111122223333:alarm:crashes",
            r"alarms\[0\] must be in the update's Region eu-central-1, got one in us-east-1: .*declare an alarm here",
        ),
        (
            "arn:aws:cloudwatch:eu-central-1:444455556666:alarm:crashes",
            r"alarms\[0\] must be in the update's account 111122223333, got one in 444455556666: .*Metric\(account=",
        ),
    ],
)
def test_an_alarm_of_another_place_is_refused(tmp_path: Path, arn: str, message: str) -> None:
    """CloudWatch answers for its own account and Region only, and the error has the remedy."""
    made: Any = {"env": {"account": "111122223333", "region": "eu-central-1"}}
    prod = stack(**made)
    with pytest.raises(ValueError, match=f"Prod/Blinky: {message}"):
        gated(prod, tmp_path, alarms=[imported(prod, arn)])
    open_stack = stack()
    gated(open_stack, tmp_path, alarms=[imported(open_stack, arn)])


def test_an_alarm_of_a_stack_elsewhere_is_refused(tmp_path: Path) -> None:
    """The Region of an alarm of the app is that of its stack."""
    app = new_app()
    there, here = (Stack(app, name, env={"region": name}) for name in ("us-east-1", "eu-west-1"))
    with pytest.raises(ValueError, match="must be in the update's Region eu-west-1, got one in us-east-1"):
        gated(here, tmp_path, alarms=[alarm(there)])


@jsii.implements(IStableStringProducer)
class Late:
    """A value that the end of synth knows."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def produce(self) -> str:
        """Return the job."""
        return self._values["job"]


def errors(made: Stack) -> str:
    """Return the errors of the end of synth."""
    with pytest.raises(RuntimeError) as refused:
        template(made)
    return str(refused.value)


def test_an_alarm_on_the_own_job_is_refused(tmp_path: Path) -> None:
    """The end of synth finds an alarm that would wait for the update while that waits for the alarm."""
    prod = stack()
    late: dict[str, str] = {}
    own = alarm(prod, metric=metric(JobId=Lazy.string(wrong(Late(late)))))
    late["job"] = gated(prod, tmp_path, alarms=[own]).job_id
    assert "Prod/Blinky: alarms must not be about the update's own job, got Prod/Crashes" in errors(prod)


def test_an_alarm_on_the_job_of_an_explicit_id_is_refused(tmp_path: Path) -> None:
    """The job of an explicit id has a known name."""
    prod = stack()
    own = alarm(prod, metric=metric(JobId="AFR_OTA-mine-1"))
    ota_update(prod, "Other", firmware(tmp_path), ota_update_id="other-1", gate=RolloutGate(alarms=[own]))
    template(prod)
    again = stack()
    own = alarm(again, metric=metric(JobId="AFR_OTA-mine-1"))
    ota_update(again, "Blinky", firmware(tmp_path), ota_update_id="mine-1", gate=RolloutGate(alarms=[own]))
    assert "alarms must not be about the update's own job" in errors(again)


def test_an_alarm_may_be_about_the_job_of_an_earlier_phase(tmp_path: Path) -> None:
    """A gate may watch what an earlier update does, and its policy does not make that depend on the alarm."""
    prod = stack()
    shared = alarm(prod, "Offline")
    canary = ota_update(prod, "Canary", firmware(tmp_path), gate=RolloutGate(alarms=[shared]))
    failing = alarm(prod, "Failing", metric=metric(JobId=canary.job_id))
    ota_update(prod, "Fleet", firmware(tmp_path), gate=RolloutGate(alarms=[shared, failing]))
    ids = {name.rstrip("0123456789ABCDEF"): part["DependsOn"] for name, part in updates(prod).items()}
    policies = [{one for one in found if "HandlerAlarms" in one} for found in ids.values()]
    assert [len(one) for one in policies] == [1, 1]
    assert policies[0] != policies[1]


def test_metric_alarms_of_the_app_are_allowed_by_name() -> None:
    """The handler may read the declared alarms and their history, and no others."""
    prod = stack()
    in_firmware(prod, gate=RolloutGate(alarms=[alarm(prod, "Crashes"), alarm(prod, "Offline")]))
    (found,) = [one for name, one in granted(prod, "OtaUpdateProviderHandlerRole").items() if name.endswith("Alarms")]
    assert found == (READ, [f"{CLOUDWATCH}<Crashes>", f"{CLOUDWATCH}<Offline>"])


@pytest.mark.parametrize("kind", ["composite", "imported"])
def test_alarms_that_may_be_composite_need_all(kind: str) -> None:
    """CloudWatch answers about composite alarms only who may read all alarms."""
    prod = stack()
    rule = cloudwatch.AlarmRule.from_boolean(False)
    other = cloudwatch.CompositeAlarm(prod, "Both", alarm_rule=rule) if kind == "composite" else imported(prod)
    in_firmware(prod, gate=RolloutGate(alarms=[alarm(prod), other]))
    found = granted(prod, "OtaUpdateProviderHandlerRole")
    assert named("HandlerAnyAlarms", {"AnyAlarms": (READ, ["*"])}).items() <= found.items()


def test_a_gate_without_alarms_may_read_none() -> None:
    """Nothing is allowed for a gate that has only a bake time."""
    prod = stack()
    in_firmware(prod, gate=RolloutGate(bake_time=MINUTES(5)))
    assert not [name for name in granted(prod, "OtaUpdateProviderHandlerRole") if "Alarms" in name]


def test_phases_with_the_same_alarms_share_a_policy(tmp_path: Path) -> None:
    """The policies do not grow with the phases."""
    prod = stack()
    gate = RolloutGate(alarms=[alarm(prod)])
    phases = [Phase(name, targets=[OtaTarget.thing_group(name)], gate=gate) for name in ("canary", "fleet")]
    files = [ota_file(FileLocation.from_asset(firmware(tmp_path)))]
    PhasedRollout(prod, "Rollout", phases=phases, files=files)
    found = [name for name in template(prod).find_resources("AWS::IAM::Policy") if "HandlerAlarms" in name]
    assert len(found) == 1


def test_the_policy_of_alarms_keeps_its_logical_id() -> None:
    """The id follows from the alarms, and is a contract: another one would be another policy in the next deploy."""
    prod = stack()
    in_firmware(prod, gate=RolloutGate(alarms=[alarm(prod, "Crashes")]))
    found = [name for name in template(prod).find_resources("AWS::IAM::Policy") if "Alarms" in name]
    assert found == ["OtaPermissionsHandlerAlarms47a3c793F0545330"]


def test_the_policy_of_alarms_is_not_retained() -> None:
    """Only a deploy reads alarms: what an aspect retains does not fill the role with those of earlier gates."""
    prod = stack()
    in_firmware(prod, gate=RolloutGate(alarms=[alarm(prod, "Crashes")]))
    RemovalPolicies.of(prod).retain()
    policies = template(prod).find_resources("AWS::IAM::Policy")
    assert [one["DeletionPolicy"] for name, one in policies.items() if "Alarms" in name] == ["Delete"]


def test_an_update_with_a_bake_time_has_one_tag_less(tmp_path: Path) -> None:
    """The tag that keeps the beginning of the bake time leaves 45 tags to the user."""
    prod = stack()
    tags = {f"tag{number}": "" for number in range(46)}
    gate = RolloutGate(bake_time=MINUTES(5))
    ota_update(prod, "Blinky", firmware(tmp_path), tags=tags, gate=gate)
    assert "tags of an update with a bake_time must have 0 to 45 members, got 46" in errors(prod)
