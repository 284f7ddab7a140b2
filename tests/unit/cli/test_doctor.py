"""`shop doctor`: what is missing, and what to do about it."""

from redis import Redis

from shop.adapters.redis.dead_messages import RedisDeadMessages
from shop.adapters.redis.presence import RedisPresence
from shop.domain.messages import DeadMessage
from shop.domain.work import Restraints
from testing.servers import HOST, ValkeyProcess, free_port, running_valkey
from tests.unit.adapters.mail.scripted_server import scripted
from tests.unit.cli.commands import STORE_DB, Outcome, Shop


def states(outcome: Outcome) -> dict[str, str]:
    return {finding["check"]: finding["state"] for finding in outcome.json}


def finding(outcome: Outcome, check: str) -> dict[str, str]:
    (found,) = [found for found in outcome.json if check in found["check"]]
    return dict(found)


def test_the_doctor_names_what_is_missing_and_what_to_do(shop: Shop) -> None:
    examined = shop("doctor", "--json")
    assert examined.code == 1
    assert states(examined)["Redis, store"] == "ok"
    assert finding(examined, "append-only file")["state"] == "warn"
    for queue in ("queue default", "queue priority"):
        missing = finding(examined, queue)
        assert missing["state"] == "fail"
        assert "shop workers" in missing["advice"]
    assert "shop seed" in finding(examined, "stock")["advice"]
    assert "What to do" in shop("doctor").out


def test_the_doctor_is_content_with_a_shop_that_works(run: Shop) -> None:
    with running_valkey(appendonly=True) as server, server.client(STORE_DB) as store:
        seconds, _ = store.time()
        for queue in ("default", "priority"):
            store.zadd(f"workers:{queue}", {"a@host": int(seconds) * 1000})
        store.mset({"stock:A": 1, "price:A": 100})
        examined = run("doctor", "--json", REDIS_PORT=str(server.port))
    assert examined.code == 0
    bad = {check for check, state in states(examined).items() if state != "ok"}
    # These two are asked at their usual ports, where another stack may answer.
    assert bad <= {"API", "Flower"}


def test_the_doctor_names_what_an_operator_told_the_workers(shop: Shop, store: Redis) -> None:
    presence = RedisPresence(store)
    presence.beat("default", "one@host", Restraints(is_paused=True))
    presence.beat("priority", "two@host", Restraints(rate_limits={"send_notification": "1/m"}))

    examined = shop("doctor", "--json")

    paused, limited = (finding(examined, f"queue {name}") for name in ("default", "priority"))
    assert (paused["state"], limited["state"]) == ("fail", "warn")
    assert "paused" in paused["detail"]
    assert "add_consumer default" in paused["advice"]
    assert "send_notification limited to 1/m" in limited["detail"]
    assert "rate_limit TASK 0" in limited["advice"]

    presence.beat("default", "three@host")

    assert "1 of them paused" in finding(shop("doctor", "--json"), "queue default")["detail"]


def test_the_doctor_names_items_without_a_price(shop: Shop, store: Redis) -> None:
    store.mset({"stock:A": 1, "price:A": 100, "stock:FREE": 1, "price:FREE": 0})
    assert finding(shop("doctor", "--json"), "prices")["state"] == "ok"

    store.mset({"stock:B": 1, "stock:C": 1, "price:C": "19.90", "stock:D": 1, "price:D": -5})

    found = finding(shop("doctor", "--json"), "prices")
    assert found["state"] == "warn"
    assert found["detail"] == "3 with no price set: their invoices name no amount: B, C, D"
    assert "shop stock set" in found["advice"]
    refused = finding(shop("doctor", "--json", PRICELESS="refuse"), "prices")
    assert "orders for them fail" in refused["detail"]


def test_the_doctor_names_letters_that_no_invoice_can_have(shop: Shop) -> None:
    assert finding(shop("doctor", "--json", SELLER_NAME="株式会社 山田"), "seller")["state"] == "ok"

    found = finding(shop("doctor", "--json", SELLER_NAME="Nile \U00013000"), "seller")
    assert found["state"] == "fail"
    assert "EGYPTIAN HIEROGLYPH A001" in found["detail"]


def test_an_address_that_is_given_has_to_answer(shop: Shop) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    examined = shop("doctor", "--json", "--api-url", url, "--flower-url", url)
    assert finding(examined, "API")["state"] == "fail"
    assert finding(examined, "Flower")["state"] == "fail"
    assert url in finding(examined, "API")["detail"]


def test_the_doctor_sees_work_that_was_given_up_or_missed(shop: Shop, store: Redis) -> None:
    store.zadd("orders:dead", {f"dead-{number}": number for number in range(5)})
    store.zadd("orders:open", {"late": 1})
    examined = shop("doctor", "--json")
    dead = finding(examined, "orders, given up")
    assert dead["state"] == "warn"
    assert dead["detail"] == "5: dead-0, dead-1, dead-2 ..."
    assert "shop order retry" in dead["advice"]
    assert finding(examined, "orders, open")["detail"].startswith("1, 1 of them overdue")


def test_the_doctor_sees_a_redis_that_forgets(run: Shop) -> None:
    options = {"maxmemory": "10mb", "maxmemory-policy": "allkeys-lru"}
    with running_valkey(options=options) as server:
        examined = run("doctor", "--json", REDIS_PORT=str(server.port))
    memory = finding(examined, "memory")
    assert memory["state"] == "fail"
    assert "noeviction" in memory["advice"]


def test_the_doctor_says_when_the_password_is_wrong_but_not_the_password(run: Shop) -> None:
    with running_valkey(options={"requirepass": "the-right-one"}) as server:
        port = str(server.port)
        examined = run("doctor", "--json", REDIS_PORT=port, REDIS_PASSWORD="the-wrong-one")
    assert examined.code == 1
    assert "REDIS_PASSWORD" in finding(examined, "store")["advice"]
    assert "the-wrong-one" not in examined.out + examined.err


def test_the_doctor_reports_wrong_settings_and_an_absent_redis(run: Shop) -> None:
    wrong = run("doctor", "--json", LOG_LEVEL="loud")
    assert wrong.code == 1
    assert "LOG_LEVEL" in finding(wrong, "settings")["detail"]
    absent = run("doctor", "--json", REDIS_PORT=str(free_port()))
    assert absent.code == 1
    assert finding(absent, "store")["state"] == "fail"


def test_the_doctor_knocks_at_the_mail_server_and_sends_nothing(shop: Shop) -> None:
    assert finding(shop("doctor", "--json"), "mail server")["detail"].startswith("none is set")
    with scripted(offers=("8BITMIME", "SMTPUTF8")) as server:
        url = f"smtp://{HOST}:{server.port}"
        found = finding(shop("doctor", "--json", SMTP_URL=url), "mail server")
    assert found["state"] == "warn"
    assert found["detail"] == f"{url} answers, not encrypted, offers 8BITMIME, SMTPUTF8"
    assert "smtp+starttls://" in found["advice"]
    assert server.verbs == ["EHLO", "QUIT"]


def test_the_doctor_says_what_the_mail_server_refuses_but_not_the_password(shop: Shop) -> None:
    answers = {"AUTH": "535 5.7.8 hidden-word is wrong"}
    with scripted(answers, offers=("AUTH PLAIN",)) as server:
        url = f"smtp+plaintext://shop:hidden-word@{HOST}:{server.port}"
        examined = shop("doctor", "--json", SMTP_URL=url)
    found = finding(examined, "mail server")
    assert found["state"] == "fail"
    assert found["detail"].endswith("535 5.7.8 *** is wrong")
    assert "SMTP_URL" in found["advice"]
    assert "hidden-word" not in examined.out + examined.err
    absent = shop("doctor", "--json", SMTP_URL=f"smtp://{HOST}:{free_port()}")
    assert "ConnectionRefusedError" in finding(absent, "mail server")["detail"]


def test_the_doctor_sees_that_the_sender_is_to_slow_down(shop: Shop, store: Redis) -> None:
    store.hset("metrics:mail", mapping={"250": 7, "450": 2})
    assert finding(shop("doctor", "--json"), "mail, sending")["detail"] == (
        "replies: 7 x 250, 2 x 450"
    )
    seconds, _ = store.time()
    pause = {"until": (int(seconds) + 200) * 1000, "reason": "450 Too many mails"}
    store.hset("mail:pause", mapping=pause)
    paused = finding(shop("doctor", "--json"), "mail, sending")
    assert paused["state"] == "warn"
    assert "450 Too many mails" in paused["detail"]
    assert "SMTP_CONNECTIONS" in paused["advice"]


def test_a_foreign_broker_is_left_to_its_own_tools(shop: Shop) -> None:
    examined = shop("doctor", "--json", CELERY_BROKER_DSN="sqs://user:hidden-word@localhost")
    assert finding(examined, "broker")["state"] == "warn"
    assert "hidden-word" not in examined.out


def test_a_rabbitmq_that_is_away_fails_and_its_password_is_not_shown(shop: Shop) -> None:
    dsn = "amqp://user:hidden-word@127.0.0.1:1//"
    examined = shop("doctor", "--json", CELERY_BROKER_DSN=dsn)
    assert finding(examined, "RabbitMQ, broker")["state"] == "fail"
    assert "hidden-word" not in examined.out


def test_the_doctor_says_whose_the_broker_is_and_claims_nothing(
    shop: Shop, valkey: ValkeyProcess
) -> None:
    assert finding(shop("doctor", "--json"), "broker's owner")["state"] == "ok"
    with valkey.client(0) as broker:
        assert not broker.exists("shop:owner")
        broker.set("shop:owner", "first database 3 of the same server")
    found = finding(shop("doctor", "--json"), "broker's owner")
    assert found["state"] == "fail"
    assert "database 3 of the same server; this one's is database 2" in found["detail"]
    assert "DEL shop:owner" in found["advice"]


def test_messages_that_nobody_can_process_are_named_and_shown(shop: Shop, store: Redis) -> None:
    assert finding(shop("doctor", "--json"), "messages, dead")["state"] == "ok"
    assert shop("messages", "list").out.strip() == "There are none."
    assert shop("messages", "list", "--json").json == []
    messages = RedisDeadMessages(store)
    messages.keep(DeadMessage("default", "it is no JSON object", b"hello"))
    messages.keep(DeadMessage("default", "its task is none of the shop's", b"{}", "erp.book"))

    found = finding(shop("doctor", "--json"), "messages, dead")
    assert found["state"] == "warn"
    assert found["detail"].startswith("2: its task is none of the shop's (erp.book), it is no JSON")
    assert "shop messages list" in found["advice"]
    new, old = shop("messages", "list", "--json").json
    assert (new["task"], old["message"]) == ("erp.book", "hello")
    table = shop("messages", "list").out
    assert "erp.book" in table
    assert "hello" not in table
