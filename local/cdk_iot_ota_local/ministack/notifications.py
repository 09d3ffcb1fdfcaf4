"""Notify things of changes of their jobs only if a client or a rule receives them.

For each change ministack serializes all pending jobs of the thing, which is most of the work of a fleet with many jobs.
"""

from __future__ import annotations

from .emulator import Emulator


def skip_unheard(emulator: Emulator) -> None:
    """Skip notifications that no subscription, no session of a client that is away and no rule can receive."""
    iot = emulator.iot
    notify = iot.jobs_notify_thing

    async def notified(account: str, region: str, thing: str, previous: str | None) -> None:
        if iot._rules_for_account(account, region) or _is_heard(emulator, thing):
            await notify(account, region, thing, previous)

    iot.jobs_notify_thing = notified


def _is_heard(emulator: Emulator, thing: str) -> bool:
    """Return whether a topic filter of any client, present or away, matches the topics of a thing's notifications."""
    iot = emulator.iot
    present = [
        iot._unscope_topic(one.account_id, one.region, one.filter_prefixed)
        for ones in iot._subscriptions.values()
        for one in ones
    ]
    away = [topic_filter for session in iot._persistent_sessions.values() for topic_filter in session.subscriptions]
    topics = [f"$aws/things/{thing}/jobs/{name}" for name in ("notify", "notify-next")]
    return any(iot._subscription_matches(topic_filter, topic) for topic_filter in present + away for topic in topics)
