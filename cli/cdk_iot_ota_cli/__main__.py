"""``python -m cdk_iot_ota_cli wait``: wait for the devices of a deployed update, longer than CloudFormation can."""

import sys

from .wait import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
