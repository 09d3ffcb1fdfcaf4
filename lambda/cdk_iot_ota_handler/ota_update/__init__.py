"""The lifecycle of one OTA update: what the stack desires, what AWS IoT shows, and what follows from both.

Read in this order: ``index`` (the entry point), ``on_event`` and ``is_complete`` with ``create`` and ``delete`` (the
functions of the Provider framework), ``decide`` (every decision, without a call), ``service`` (every call, without a
decision).
"""
