"""Any run in which all went well, for hypothesis to draw."""

from hypothesis import strategies as st

from testing.history import Observer, Phase
from tests.builders import ANN
from tests.unit.testing.made_up import BEA, START_MS, MadeUpRun

ITEMS = st.sampled_from(["SKU-1", "SKU-1", "SKU-2", "NO-SUCH"])
QTYS = st.integers(1, 4)
EMAILS = st.sampled_from([ANN, BEA])
#: How a send may go wrong without anybody knowing whether it took effect.
UNANSWERED = st.sampled_from([None, 500, 503])


@st.composite
def orders(draw: st.DrawFn, run: MadeUpRun, order_id: str) -> None:
    """One customer's sends of one order, and what the shop may make of them."""
    item, qty, email = draw(ITEMS), draw(QTYS), draw(EMAILS)
    for _ in range(draw(st.integers(0, 2))):
        run.send(order_id, item, qty, email, status=draw(UNANSWERED))
    fate = draw(st.sampled_from(["new", "repeated", "unconfirmed", "never"]))
    if fate == "never":
        if draw(st.booleans()):
            run.send(order_id, item, -qty, email, status=422)
        return
    if fate == "new":
        run.send(order_id, item, qty, email)
    else:
        run.send(order_id, item, qty, email, status=None)
    if fate == "repeated":
        run.send(order_id, item, qty, email, status=200)
    for _ in range(draw(st.integers(0, 2))):
        repeated = draw(st.booleans())
        other_qty = qty if repeated else qty + 1
        status = draw(st.sampled_from([200 if repeated else 409, None, 503]))
        if fate == "unconfirmed" and status == 200:
            status = None
        run.send(order_id, item, other_qty, email, status=status)
    run.work_on(order_id, item, qty, email)
    for _ in range(draw(st.integers(0, 1))):
        run.deliveries(f"task-of-{order_id}", "process_order", count=2)
        run.deliveries(f"notice-of-{order_id}", "send_notification", count=2)
        run.see_mail(email, run.notifications[f"notice-of-{order_id}"].message)


@st.composite
def notifications(draw: st.DrawFn, run: MadeUpRun, task_id: str) -> None:
    message = draw(st.sampled_from(["Hello", "Hello\nthere\n", "Здравствуйте"]))
    status = draw(st.sampled_from([202, 202, None, 503, 422]))
    if status == 422:
        message = ""
    run.notify(message, task_id=task_id, email=draw(EMAILS), status=status)


@st.composite
def runs(draw: st.DrawFn) -> MadeUpRun:
    run = MadeUpRun(SKU_1=draw(st.integers(4, 20)), SKU_2=draw(st.integers(0, 5)), PLENTY=100)
    # Of each kind at least one, so that there is something to spoil.
    run.place("sold", item="PLENTY")
    run.place("not-sold", item="NO-SUCH")
    run.notify("For sure", task_id="task-sure")
    for number in range(draw(st.integers(0, 8))):
        draw(orders(run, f"order-{number}"))
    for number in range(draw(st.integers(0, 4))):
        draw(notifications(run, f"task-{number}"))
    if draw(st.booleans()):
        run.fault("worker-killed", "1", Phase.INJECTED, Phase.CONFIRMED, Phase.HEALED)
    if draw(st.booleans()):
        run.history.blind(Observer.STORE, START_MS, START_MS + draw(st.integers(0, 100)))
    return run
