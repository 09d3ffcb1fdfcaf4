"""What answers CloudFormation: the Lambda function and the framework around it."""
