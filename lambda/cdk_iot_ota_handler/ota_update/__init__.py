"""The lifecycle of one OTA update: what the stack declares, what AWS IoT shows, and what follows from both.

Read in this order: ``index`` (the entry point), ``on_event`` and ``is_complete`` with ``creation`` and ``deletion``
(the two calls of the Provider framework), ``decide`` (every decision, without a call), ``service`` (every call, without
a decision).
"""
