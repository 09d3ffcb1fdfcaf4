"""The command ``cdk-iot-ota`` for terminals and pipelines; it needs neither the CDK nor Node."""
