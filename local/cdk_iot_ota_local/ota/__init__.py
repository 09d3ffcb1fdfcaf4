"""The OTA update and stream operations of AWS IoT, which ministack lacks."""
