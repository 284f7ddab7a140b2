"""Dead messages in Redis: a bounded list, the newest first."""

import json
from base64 import b64encode
from typing import Any

from redis import Redis

from shop.adapters.redis import keys
from shop.adapters.redis.client import store_errors
from shop.adapters.redis.scripts import source
from shop.domain.messages import DeadMessage

#: With `MAX_BYTES` each, less than a hundred megabytes at the very worst.
MAX_ENTRIES = 1_000
#: Of one message; what is cut off is counted.
MAX_BYTES = 64 * 1024


class RedisDeadMessages:
    """Of one store. `client` connects when it is first used."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._keep = client.register_script(source("keep_message"))

    def keep(self, message: DeadMessage) -> None:
        """Raises `StoreUnavailable`; keeping it again is a second entry."""
        entry = _entry(message)
        with store_errors():
            self._keep(
                keys=[keys.MESSAGES_DEAD, keys.METRICS_DEAD],
                args=[json.dumps(entry, ensure_ascii=False), entry["id"], MAX_ENTRIES],
            )

    def size(self) -> int:
        with store_errors():
            count: Any = self._client.llen(keys.MESSAGES_DEAD)
        return int(count)

    def entries(self, limit: int = MAX_ENTRIES) -> list[dict[str, Any]]:
        """The newest so many, as they are stored."""
        with store_errors():
            found: Any = self._client.lrange(keys.MESSAGES_DEAD, 0, limit - 1)
        return [_read(entry) for entry in found]


def _entry(message: DeadMessage) -> dict[str, Any]:
    kept = message.raw[:MAX_BYTES]
    return {
        "id": message.entry_id,
        "queue": message.queue,
        "why": message.why,
        "task": message.task,
        "bytes": len(message.raw),
        "cut_bytes": len(message.raw) - len(kept),
        **_shown(message.raw, kept),
    }


def _read(entry: str) -> dict[str, Any]:
    """What somebody put there by hand is shown as well."""
    try:
        found = json.loads(entry)
    except ValueError:
        found = None
    if isinstance(found, dict) and "why" in found:
        return {"task": None, **found}
    return {"why": "this entry is none of the shop's", "task": None, "message": entry}


def _shown(raw: bytes, kept: bytes) -> dict[str, str]:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return {"encoding": "base64", "message": b64encode(kept).decode()}
    # The cut may have gone through a character.
    return {"encoding": "utf-8", "message": kept.decode(errors="ignore")}
