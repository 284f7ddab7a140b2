"""What is reachable, what is wrong, and what to do about it."""

from collections.abc import Mapping

from redis import Redis

from shop.adapters.doctor import mail, ownership, prices, rabbitmq, server, web, work
from shop.adapters.doctor.finding import Finding, State, findings_table
from shop.settings import Settings

__all__ = ["Finding", "State", "examine", "findings_table", "wrong_setting"]


def examine(
    settings: Settings, *, api_url: str | None = None, flower_url: str | None = None
) -> list[Finding]:
    """Look at everything that the settings name; an address that is given must answer."""
    databases = {"Redis, store": settings.store_dsn}
    if not settings.uses_rabbitmq:
        databases["Redis, broker"] = settings.broker_dsn
    databases["Redis, results"] = settings.backend_dsn
    clients: dict[str, Redis] = {}
    findings = [Finding("settings", State.OK, "valid")]
    for name, dsn in databases.items():
        client = server.client(dsn)
        finding = server.reached(name, dsn, client)
        findings.append(finding)
        if client is not None and finding.state is State.OK:
            clients[name] = client
    waiting: Mapping[str, int] | None = None
    if settings.uses_rabbitmq:
        finding, waiting = rabbitmq.examined("RabbitMQ, broker", settings.broker_dsn)
        findings.append(finding)
    seen: set[str] = set()
    for name, client in clients.items():
        at = server.address(databases[name]).rpartition("/")[0]
        if at not in seen:
            seen.add(at)
            findings += server.guarded(f"Redis at {at}", server.checked(client, at))
    store, broker = clients.get("Redis, store"), clients.get("Redis, broker")
    if store is not None:
        findings += server.guarded("shop", work.examined(store, broker, waiting))
        findings += server.guarded("prices", prices.examined(settings, store))
        findings += server.guarded("mail", mail.sending(store))
        if broker is not None:
            findings += server.guarded("shop", ownership.examined(settings, store, broker))
    findings.append(mail.server(settings))
    findings.append(web.api(api_url))
    findings.append(web.flower(flower_url, password_is_set=settings.flower_password is not None))
    for client in clients.values():
        client.close()
    return findings


def wrong_setting(problem: str) -> Finding:
    """A setting with which nothing starts."""
    return Finding("settings", State.FAIL, problem, "Correct it in the environment or in .env.")
