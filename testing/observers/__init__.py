"""Watchers of effects: what the system did is seen from outside, not asked of it."""

from testing.observers.deliveries import collect_deliveries
from testing.observers.mail_sink import MailSink
from testing.observers.redis_effects import RedisEffects

__all__ = ["MailSink", "RedisEffects", "collect_deliveries"]
