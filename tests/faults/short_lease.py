"""The shop's worker with a visibility timeout of seconds: what it holds for longer comes again."""

from shop.worker import app

__all__ = ["app"]

LEASE_S = 4

app.conf.broker_transport_options = {
    **app.conf.broker_transport_options,
    "visibility_timeout": LEASE_S,
    # By default it is looked for every 100 s.
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
}
