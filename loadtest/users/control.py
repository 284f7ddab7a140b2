"""Asks whoever raised the stack to give orders another service time."""

from collections.abc import Mapping

from loadtest.users.wire import OK, BadUrl, Unanswered, Wire

CONTROL_URL = "LAB_CONTROL_URL"
#: Workers are started again for it.
WITHIN_S = 120.0


class NotSet(Exception):
    """The service time was not changed; one line says why."""


def set_service_time(environment: Mapping[str, str], service_time_ms: int) -> bool:
    """Returns when it is in force; False if nobody can be asked. Raises `NotSet`."""
    url = environment.get(CONTROL_URL)
    if not url:
        return False
    try:
        wire = Wire(url)
        answer = wire.exchange(wire.post("", {"order_delay_ms": service_time_ms}), WITHIN_S)
    except (BadUrl, Unanswered) as error:
        raise NotSet(f"the service time was not set by {url}: {error}") from None
    wire.close()
    if not OK <= answer.status < 300:
        said = answer.body[:200].decode(errors="replace")
        raise NotSet(f"the service time was not set: {url} answers {answer.status} {said}")
    return True
