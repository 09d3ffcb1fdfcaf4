"""Metrics, widgets of a dashboard and rules on events, which an app attaches to an update in order to see it."""
