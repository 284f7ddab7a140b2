"""An error of Redis' is a refusal, to be waited out, unless it says that the request is wrong."""

import pytest
from redis._parsers.base import BaseParser
from redis.exceptions import ResponseError

from shop.adapters.redis.refusals import is_read_only, is_refusal
from testing.servers import ValkeyProcess

FULL = "OOM command not allowed when used memory > 'maxmemory'."
OF_REDIS_6 = "ERR Error running script (call to f_" + "0" * 40 + "): @user_script:12: "

REFUSALS = [
    FULL,
    f"{FULL} script: {'0' * 40}, on @user_script:12.",
    f"{OF_REDIS_6}@user_script: 12: -{FULL}",
    f"{OF_REDIS_6}@user_script: 12: -READONLY You can't write against a read only replica.",
    f"{OF_REDIS_6}@user_script: 12: -NOREPLICAS Not enough good replicas to write.",
    f"{OF_REDIS_6}NOPERM this user has no permissions to run the 'set' command",
    f"{OF_REDIS_6}Script killed by user with SCRIPT KILL...",
    f"EXECABORT Transaction discarded because of: {FULL}",
    "READONLY You can't write against a read only replica.",
    "NOREPLICAS Not enough good replicas to write.",
    "MISCONF Valkey is configured to save RDB snapshots, but it's unable to persist to disk.",
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "LOADING Redis is loading the dataset in memory",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "CLUSTERDOWN The cluster is down",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "NOAUTH Authentication required.",
    "WRONGPASS invalid username-password pair or user is disabled.",
    "NOPERM User default has no permissions to run the 'set' command",
    "DENIED Valkey is running in protected mode",
    "ERR max number of clients reached",
    "ERR invalid password",
    "ERR operation not permitted",
    "ERR Script killed by user with SCRIPT KILL.",
    "ERR something new",
    "WHATEVER it was",
]

WRONG_REQUESTS = [
    "WRONGTYPE Operation against a key holding the wrong kind of value",
    f"{OF_REDIS_6}WRONGTYPE Operation against a key holding the wrong kind of value",
    f"{OF_REDIS_6}user_script:12: attempt to perform arithmetic on a nil value",
    f"{OF_REDIS_6}@user_script: 12: Unknown Redis command called from Lua script",
    f"{OF_REDIS_6}@user_script: 12: Wrong number of args calling Redis command From Lua script",
    f"{OF_REDIS_6}ERR value is not an integer or out of range",
    "NOSCRIPT No matching script. Please use EVAL.",
    "EXECABORT Transaction discarded because of previous errors.",
    "EXECABORT Transaction discarded because of: ERR unknown command 'NOPE'",
    "CROSSSLOT Keys in request don't hash to the same slot",
]

#: Requests that a real server finds wrong.
WRONG = [
    ("NOPE",),
    ("GET",),
    ("CONFIG", "NOPE"),
    ("SET", "key", "value", "PX", "soon"),
    ("SET", "key", "value", "NX", "XX"),
    ("SET", "key", "value", "EX", "-1"),
    ("INCR", "text"),
    ("INCRBY", "number", "9223372036854775807"),
    ("HGET", "text", "field"),
    ("LINDEX", "list", "first"),
    ("LSET", "list", "7", "x"),
    ("LSET", "no list", "0", "x"),
    ("ZADD", "zset", "soon", "member"),
    ("ZADD", "zset", "NX", "GT", "1", "member"),
    ("ZRANGEBYSCORE", "zset", "soon", "late"),
    ("HINCRBY", "hash", "text", "1"),
    ("BLPOP", "list", "soon"),
    ("BLPOP", "list", "-1"),
    ("EXPIRE", "text", "soon"),
    ("SELECT", "1000000"),
    ("SELECT", "other"),
    ("EXEC",),
    ("DISCARD",),
    ("SCAN", "begin"),
    ("EVALSHA", "0" * 40, "0"),
    ("EVAL", "return", "-1"),
    ("EVAL", "return", "7"),
    ("EVAL", "this is no Lua", "0"),
    ("EVAL", "return nil + 1", "0"),
    ("EVAL", "return cjson.decode('{')", "0"),
    ("EVAL", "return redis.call('NOPE')", "0"),
    ("EVAL", "return redis.call('GET')", "0"),
    ("EVAL", "return redis.call('INCR', 'text')", "0"),
    ("EVAL", "return redis.call('HGET', 'text', 'field')", "0"),
    ("EVAL", "return redis.call('SUBSCRIBE', 'channel')", "0"),
    ("EVAL", "error('its own words')", "0"),
]


def parsed(answer: str) -> ResponseError:
    error = BaseParser.parse_error(answer)
    # Some are errors of the connection to redis-py already.
    return error if isinstance(error, ResponseError) else ResponseError(answer)


@pytest.mark.parametrize("answer", REFUSALS)
def test_what_says_nothing_of_the_request_is_a_refusal(answer: str) -> None:
    assert is_refusal(parsed(answer))
    assert is_refusal(ResponseError(answer)), "also from whoever takes no code off the text"
    in_pipeline = f"Command # 1 (SCAN 0 COUNT 1000) of pipeline caused error: {answer}"
    assert is_refusal(ResponseError(in_pipeline)), "also of a command in a pipeline"


@pytest.mark.parametrize("answer", WRONG_REQUESTS)
def test_what_no_wait_makes_right_is_none(answer: str) -> None:
    assert not is_refusal(parsed(answer))
    assert not is_refusal(ResponseError(answer))


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_a_real_server_finds_the_request_wrong(
    words: tuple[str, ...], valkey: ValkeyProcess
) -> None:
    with valkey.client() as client:
        client.set("text", "text")
        client.set("number", "9")
        client.rpush("list", "a")
        client.hset("hash", "text", "text")
        client.zadd("zset", {"a": 1})
        with pytest.raises(ResponseError) as raised:
            client.execute_command(*words)
    assert not is_refusal(raised.value), raised.value


@pytest.mark.parametrize(
    "words", [("SET", "key", "1"), ("EVAL", "return redis.call('SET', 'key', 1)", "0")]
)
@pytest.mark.parametrize(("setting", "value"), [("maxmemory", "1"), ("min-replicas-to-write", "1")])
def test_a_real_server_refuses(
    setting: str, value: str, words: tuple[str, ...], valkey: ValkeyProcess
) -> None:
    with valkey.client() as client:
        before = client.config_get(setting)[setting]
        client.config_set(setting, value)
        try:
            with pytest.raises(ResponseError) as raised:
                client.execute_command(*words)
        finally:
            client.config_set(setting, before)
    assert is_refusal(raised.value), raised.value


@pytest.mark.parametrize(
    "answer",
    [
        "READONLY You can't write against a read only replica.",
        f"READONLY You can't write against a read only replica. script: {'0' * 40}, on line 1.",
        f"{OF_REDIS_6}@user_script: 12: -READONLY You can't write against a read only replica.",
        "EXECABORT Transaction discarded because of: READONLY You can't write.",
    ],
)
def test_a_replica_is_known(answer: str) -> None:
    assert is_read_only(parsed(answer))
    assert not is_read_only(parsed(FULL))
