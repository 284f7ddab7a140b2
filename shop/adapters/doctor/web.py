"""The API and Flower, asked over HTTP."""

import http.client
import json
import urllib.error
import urllib.request

from shop.adapters.doctor.finding import Finding, State

TIMEOUT_S = 2.0
#: Of an answer that says what is wrong.
MAX_BODY_BYTES = 65_536
DEFAULT_API_URL = "http://127.0.0.1:8000"
DEFAULT_FLOWER_URL = "http://127.0.0.1:5555"


def api(url: str | None) -> Finding:
    """Whether the API is ready; `url` must answer if it is given."""
    where = url or DEFAULT_API_URL
    status, body = _get(f"{where.rstrip('/')}/health/ready")
    if status == http.client.OK:
        return Finding("API", State.OK, f"{where} is ready")
    if status is None:
        return _unreachable("API", where, body, given=url is not None, option="--api-url")
    try:
        detail = str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"answers {status} to /health/ready"
    return Finding(
        "API", State.FAIL, f"{where}: {detail}", "See the rows above for what is missing."
    )


def flower(url: str | None, *, password_is_set: bool) -> Finding:
    """Whether Flower answers; `url` must answer if it is given."""
    where = url or DEFAULT_FLOWER_URL
    status, body = _get(f"{where.rstrip('/')}/healthcheck")
    if status == http.client.OK:
        return Finding("Flower", State.OK, f"{where} answers")
    if status is None and not password_is_set and url is None:
        return Finding(
            "Flower",
            State.WARN,
            f"{where}: {body}",
            "Set FLOWER_PASSWORD before you start it by itself; `shop up` makes one up.",
        )
    if status is None:
        return _unreachable("Flower", where, body, given=url is not None, option="--flower-url")
    return Finding("Flower", State.FAIL, f"{where} answers {status}", "Is it Flower?")


def _unreachable(check: str, where: str, why: str, *, given: bool, option: str) -> Finding:
    return Finding(
        check,
        State.FAIL if given else State.WARN,
        f"{where}: {why}",
        f"Start it (`shop up`, `make up`), or say where it is with {option}.",
    )


def _get(url: str) -> tuple[int | None, str]:
    """Status and body; without an answer, None and why."""
    # No proxy: these are addresses of one's own.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=TIMEOUT_S) as response:
            return response.status, ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(MAX_BODY_BYTES).decode("utf-8", "replace")
    except urllib.error.URLError as error:
        return None, str(error.reason)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return None, str(error)
