"""Messages that no worker can process."""

from redis import Redis

from shop.adapters.doctor.finding import Finding, State
from shop.adapters.redis.dead_messages import RedisDeadMessages

#: Reasons named in a finding.
NAMED = 3


def dead_messages(store: Redis) -> Finding:
    """How many there are, and why the newest of them are there."""
    messages = RedisDeadMessages(store)
    count = messages.size()
    if not count:
        return Finding("messages, dead", State.OK, "none")
    whys = [
        f"{entry['why']} ({entry['task']})" if entry["task"] else entry["why"]
        for entry in messages.entries(NAMED)
    ]
    return Finding(
        "messages, dead",
        State.WARN,
        f"{count}: {', '.join(dict.fromkeys(whys))}{' ...' if count > NAMED else ''}",
        "`shop messages list` shows them; DEL messages:dead once they are looked into.",
    )
