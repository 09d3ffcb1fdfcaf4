"""The IAM policies that the updates of a stack need, for the handler's role and for AWS IoT's."""
