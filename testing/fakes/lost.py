"""Which open work counts as lost: the rule of `claim_lost.lua`."""

from shop.adapters.redis.keys import METRICS_SWEEPS
from shop.adapters.redis.recovery import IN_HAND_SLACK_MS, LOST_AT_LATEST_AFTER_MS
from testing.fakes.store import FakeStore


def claim_lost(
    store: FakeStore,
    work: str,
    watermark_ms: int,
    now_ms: int,
    *,
    queue_is_idle: bool,
    overdue_after_ms: int,
    limit: int,
    due_by_ms: int | None = None,
) -> list[str]:
    """The ids claimed, the longest overdue first; each is pushed back, so it is claimed once."""
    open_work = {"orders": store.orders_open, "notifications": store.notifications_open}[work]
    cutoff_ms = now_ms
    if not queue_is_idle:
        lost_before_ms = max(watermark_ms - IN_HAND_SLACK_MS, now_ms - LOST_AT_LATEST_AFTER_MS)
        cutoff_ms = min(now_ms, lost_before_ms + overdue_after_ms)
    if due_by_ms is not None:
        cutoff_ms = min(cutoff_ms, due_by_ms)
    due = sorted((due_ms, key) for key, due_ms in open_work.items() if due_ms <= cutoff_ms)
    claimed = [key for _, key in due[:limit]]
    for key in claimed:
        open_work[key] = now_ms + overdue_after_ms
    if claimed:
        store.count(METRICS_SWEEPS, f"claimed:{work}", len(claimed))
    if len(claimed) < limit:
        store.count(METRICS_SWEEPS, f"runs:{work}")
    return claimed
