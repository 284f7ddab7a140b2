"""Which errors say that a Redis does nothing for now, and which that a request is wrong.

A server that is full, read-only, busy, loading or cut off from its replicas answers each request
with an error. So does one whose accounts were changed. Such an answer says nothing about the
request: the same one succeeds later. It is known by what it is not, so that an error which nobody
has met yet is waited out, too.
"""

import re

from redis.exceptions import ResponseError

#: Codes of errors that the same request meets again, however long one waits.
_OF_THE_REQUEST = frozenset(
    {
        "WRONGTYPE",
        "NOSCRIPT",
        "EXECABORT",
        "CROSSSLOT",
        "BUSYGROUP",
        "NOGROUP",
        "BUSYKEY",
        "INVALIDOBJ",
        "NOPROTO",
        "NOTBUSY",
        "UNKILLABLE",
    }
)

#: The same of errors without a code of their own, which is `ERR`.
_WRONG_REQUEST = re.compile(
    r"wrong number of arg|unknown (redis |sub)?command|unknown option|unrecognized|unsupported"
    r"|syntax error|protocol error|invalid (?!password|username-password)|options? .*not compatible"
    r"|\b(value|score|timeout|weight|min or max|increment|length|count|limit|cursor|offset|radius"
    r"|index|number of keys|numkeys|keys)\b.*\b(is|are|not|can't|should|must|would)\b"
    r"|out of range|no such key|would overflow|exceeds maximum|not an? (valid|integer)"
    r"|\b(multi|watch|exec|discard)\b.*\b(nested|inside|without|not allowed)"
    r"|can't execute|not allowed from|read-only scripts|after non deterministic"
    r"|error compiling script|user_script:\d+:",
    re.IGNORECASE,
)

#: How Redis before 7 reports what stopped a script, its own mistakes among it:
#: `Error running script (call to f_...): @user_script:12: @user_script: 12: -OOM command ...`.
_WRAPPED = re.compile(r"^Error running script \(call to \w+\): (?:@user_script: ?\d+: )+-?")
#: What redis-py puts before the error of a command in a pipeline.
_PIPELINED = re.compile(r"^Command # \d+ \(.*\) of pipeline caused error: ", re.DOTALL)
#: What Redis 7 and later say of a transaction that they would have begun to run.
_ABORTED = re.compile(r"^(?:EXECABORT )?Transaction discarded because of: -?")
_CODE = re.compile(r"^([A-Z][A-Z0-9_]{2,})(?: |$)")
#: What stands in a wrapped error without a code, and is no mistake of the script's.
_SCRIPT_KILLED = "Script killed by user"


def is_refusal(error: ResponseError) -> bool:
    """Whether the same request may succeed later."""
    code, text, of_script = _parts(error)
    if code != "ERR":
        return code not in _OF_THE_REQUEST
    if of_script:
        return text.startswith(_SCRIPT_KILLED)
    return not _WRONG_REQUEST.search(text)


def is_read_only(error: ResponseError) -> bool:
    """Whether the server became a replica: its connections lead to the wrong server."""
    return _parts(error)[0] == "READONLY"


def _parts(error: ResponseError) -> tuple[str, str, bool]:
    """The code and the text of what went wrong, and whether it is Redis 6's of a script."""
    # redis-py takes a code that it knows off the text.
    text, code, of_script = _PIPELINED.sub("", str(error)), error.status_code, False
    if code is None and (match := _CODE.match(text)):
        code, text = match[1], text[match.end() :]
    for wrapping in (_ABORTED, _WRAPPED):
        if match := wrapping.match(text):
            text, of_script = text[match.end() :], wrapping is _WRAPPED
            code = "ERR"
            if inner := _CODE.match(text):
                code, text, of_script = inner[1], text[inner.end() :], False
    return code or "ERR", text, of_script
