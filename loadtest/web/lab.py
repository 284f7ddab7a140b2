"""`/lab` in Locust's own server, and what keeps a load from beginning that cannot be served."""

import json
import logging
import os
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, render_template, request
from locust.env import Environment
from locust.runners import STATE_CLEANUP, STATE_RUNNING, STATE_SPAWNING
from locust.web import WebUI
from markupsafe import Markup

from loadtest.users import scenarios
from loadtest.users.control import CONTROL_URL
from loadtest.users.live import LIVE
from loadtest.users.wire import OK, BadUrl, Unanswered, Wire
from loadtest.web.facts import BadFacts, Facts
from loadtest.web.starting import Scenario, refusal
from loadtest.web.watching import Watch

HERE = Path(__file__).parent
REPORT_CSS = HERE.parent / "report" / "report.css"
FACTS_WITHIN_S = 2.0
#: Before a test begins, and while it lasts.
BUSY = (STATE_SPAWNING, STATE_RUNNING, STATE_CLEANUP)
JSON = "application/json"

View = Callable[[], Any]
logger = logging.getLogger(__name__)


class Lab:
    """Everything that is added to one Locust."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._watch = Watch(LIVE)
        self._refusal: str | None = None

    def install(self, page: WebUI, app: Flask) -> None:
        """Called before Locust's server begins to answer."""
        guarded: Callable[[View], View] = page.auth_required_if_enabled
        blueprint = Blueprint(
            "lab",
            __name__,
            url_prefix="/lab",
            template_folder=str(HERE / "templates"),
            static_folder=str(HERE / "static"),
        )
        blueprint.add_url_rule("", "page", guarded(self._page))
        blueprint.add_url_rule("/state", "state", guarded(self._state))
        app.register_blueprint(blueprint)
        app.before_request(self._refuse_start)
        app.after_request(_add_to_locusts_page)
        events = self._environment.events
        events.test_start.add_listener(self._on_start)
        events.test_stopping.add_listener(self._on_stopping)
        self._watch.start()

    def _page(self) -> str:
        styles = REPORT_CSS.read_text(encoding="utf-8")
        return render_template("lab.html", report_css=Markup(styles))  # noqa: S704  (our own file)

    def _state(self) -> Response:
        runner = self._environment.runner
        head = {
            "state": runner.state if runner is not None else "none",
            "host": self._environment.host,
            "scenarios": LIVE.scenarios,
            "facts": LIVE.facts,
            "kind": LIVE.kind.value,
            "refusal": self._refusal,
            "problem": LIVE.problem or self._watch.problem,
        }
        body = f'{{"head": {json.dumps(head)}, "test": {self._watch.json()}}}'
        return Response(body, mimetype=JSON, headers={"Cache-Control": "no-store"})

    def _refuse_start(self) -> Response | None:
        """Answers in the place of Locust where a test must not begin."""
        runner = self._environment.runner
        if request.endpoint != "locust.swarm" or (runner is not None and runner.state in BUSY):
            return None
        offered = self._environment.available_user_classes or {}
        names = request.form.getlist("user_classes") or list(offered)
        picked = [_scenario(offered[name]) for name in names if name in offered]
        self._refusal = refusal(
            self._environment.parsed_options or Namespace(),
            request.form,
            picked,
            offered=len(offered),
            facts=_facts(request.form),
        )
        if self._refusal is None:
            return None
        reason = f"Not started: {self._refusal}"
        logger.error(reason)
        return jsonify(success=False, message=reason)

    def _on_start(self, **_: Any) -> None:
        self._refusal = None

    def _on_stopping(self, **_: Any) -> None:
        self._watch.end()


def _scenario(kind: Any) -> Scenario:
    return Scenario(
        kind.__name__,
        orders_per_s=kind.orders_per_s,
        probes_per_s=kind.probes_per_s,
        peak=scenarios.FACTOR if kind is scenarios.Spike else 1.0,
        needs_probes=kind is scenarios.PriorityUnderFlood,
    )


def _facts(form: Any) -> Facts:
    """Of whoever raised the shop; where nobody did, or nobody answers, what can be assumed."""
    host = form.get("host", "")
    unknown = Facts(base_url=host, why_fixed=f"nobody here can set the service time of {host}")
    url = os.environ.get(CONTROL_URL)
    if not url:
        return unknown
    try:
        wire = Wire(url)
        answer = wire.exchange(wire.get("/"), FACTS_WITHIN_S)
        wire.close()
        return Facts.of(answer.json()) if answer.status == OK else unknown
    except (BadUrl, Unanswered, BadFacts, ValueError):
        return unknown


def _add_to_locusts_page(response: Response) -> Response:
    """The way to `/lab`, and a form that begins with one scenario."""
    if request.endpoint != "locust.index" or response.mimetype != "text/html":
        return response
    html = response.get_data(as_text=True)
    html = html.replace("</head>", f"{render_template('locust_head.html')}</head>", 1)
    html = html.replace("<body>", f"<body>{render_template('locust_bar.html')}", 1)
    response.set_data(html)
    return response
