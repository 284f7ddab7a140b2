"""Environment variables of Celery, Flower, uvicorn and others that the shop does not go by.

Celery reads some of them before its app's own configuration. With those the API and the workers
would use different brokers, so that they are refused; processes that the shop starts for itself
get none of the others either, for it starts each with the options that it needs.
"""

from collections.abc import Mapping, MutableMapping

_BROKER, _RESULTS, _NONE = "CELERY_BROKER_DSN", "CELERY_BACKEND_DSN", ""

#: What changes where Celery 5.7 connects or what it loads, each with the shop's own setting. The
#: `celery` command writes what it is given by option, or by the names without a prefix, into those
#: with one before it loads the app.
REFUSED: Mapping[str, str] = {
    "CELERY_BROKER_URL": _BROKER,
    "CELERY_BROKER_READ_URL": _BROKER,
    "CELERY_BROKER_WRITE_URL": _BROKER,
    "CELERY_BROKER": _BROKER,
    "BROKER_URL": _BROKER,
    "CELERY_RESULT_BACKEND": _RESULTS,
    "RESULT_BACKEND": _RESULTS,
    "CELERY_LOADER": _NONE,
    "CELERY_CONFIG_MODULE": _NONE,
    "CELERY_CONFIG": _NONE,
}

_PREFIXES = ("CELERY_", "FLOWER_", "KOMBU_", "LOCUST_", "PIP_", "UVICORN_")
#: Without a prefix: read by the `celery` command (of which the switches take no value but a
#: boolean, and end it at `NO_COLOR=please`), by billiard and by uvicorn.
_NAMES = frozenset(
    {
        *("APP", "BROKER_URL", "CONFIG_MODULE", "LOADER", "NO_COLOR", "RESULT_BACKEND"),
        *("SKIP_CHECKS", "C_BENCH", "C_FAKEFORK", "FORKED_BY_MULTIPROCESSING", "MP_LOG"),
        *("MP_MAIN_FILE", "REMAP_SIGTERM", "WEB_CONCURRENCY"),
    }
)
#: Settings of the shop that begin like another program's.
_OWN = frozenset(
    name + suffix
    for name in ("CELERY_BACKEND_DSN", "CELERY_BROKER_DSN", "FLOWER_PASSWORD", "FLOWER_USER")
    for suffix in ("", "_FILE")
)


def refusals(environment: Mapping[str, str]) -> list[str]:
    """A line for each variable that is refused, without its value; an empty one counts as unset."""
    return [
        f"{name} is Celery's, and the shop does not go by it: unset it"
        + (f", and set {own} instead" if own else "; the shop configures Celery itself")
        for name, own in REFUSED.items()
        if environment.get(name)
    ]


def is_foreign(name: str) -> bool:
    return (name in _NAMES or name.startswith(_PREFIXES)) and name not in _OWN


def without_foreign(environment: Mapping[str, str]) -> dict[str, str]:
    """What a process of the shop may inherit."""
    return {name: value for name, value in environment.items() if not is_foreign(name)}


def drop_foreign(environment: MutableMapping[str, str]) -> None:
    """Take them out of `environment`, such as this process's own."""
    for name in [*filter(is_foreign, environment)]:
        del environment[name]
