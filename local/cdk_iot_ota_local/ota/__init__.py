"""The OTA update routes of AWS IoT, which ministack does not have."""
