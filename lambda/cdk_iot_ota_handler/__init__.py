"""The Lambda function behind ``Custom::IoTOTAUpdate``; this folder, as it is, becomes the function's code."""
