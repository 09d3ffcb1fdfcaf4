"""The modules that importing the library imports, where CDK itself does not import them all as older releases do."""

import subprocess
import sys


def test_what_few_apps_need_is_imported_when_they_need_it() -> None:
    """Importing the library imports neither the step, CDK Pipelines nor aws_iot; a wrong name is an AttributeError."""
    script = (
        "import sys, cdk_iot_ota; "
        "assert not {'aws_cdk.aws_iot', 'aws_cdk.pipelines', 'cdk_iot_ota.wait_for_devices'} & set(sys.modules); "
        "cdk_iot_ota.WaitForDevices; assert not hasattr(cdk_iot_ota, 'WaitForGodot')"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
