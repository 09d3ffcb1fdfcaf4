"""The provider of the custom resource: the Lambda function and CDK's Provider framework around it."""
