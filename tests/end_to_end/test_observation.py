"""Resources that watch an update. `test_gate.py` has the failure of a gate."""

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk_iot_ota import OtaUpdate
from cdk_iot_ota_local import Account
from tests.end_to_end.support.declarations import Declare
from tests.end_to_end.support.deployment import Deployment
from tests.end_to_end.support.observation import job_of_alarm


def watched(stack: Stack) -> None:
    """Declare an alarm on the devices that fail, and a dashboard."""
    update = stack.node.find_child("Blinky")
    assert isinstance(update, OtaUpdate)
    alarm = update.metric_failed().create_alarm(stack, "Failed", threshold=1, evaluation_periods=1)
    dashboard = cloudwatch.Dashboard(stack, "Dashboard")
    for row in update.dashboard_widgets(alarms=[alarm]):
        dashboard.add_widgets(*row)


def test_an_alarm_follows_the_job(aws: Account, deployment: Deployment, declare: Declare) -> None:
    """An alarm on a metric of an update watches the job of the firmware that is deployed, and no other."""
    first = deployment.deploy(declare("one", watched))
    assert job_of_alarm(aws, deployment) == first["Job"]
    second = deployment.deploy(declare("two", watched))
    assert second["Job"] != first["Job"]
    assert job_of_alarm(aws, deployment) == second["Job"]
