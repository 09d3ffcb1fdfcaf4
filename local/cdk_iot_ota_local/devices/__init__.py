"""Simulated devices that take jobs through the real jobs API."""
