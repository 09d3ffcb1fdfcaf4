"""The command for terminals and pipelines: boto3 and rich, without CDK and without Node."""
