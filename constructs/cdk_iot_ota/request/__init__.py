"""The CreateOTAUpdate request: its parts as users declare them, and how they are rendered."""
