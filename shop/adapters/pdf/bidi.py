"""Visual order of text that runs from right to left: the bidirectional algorithm, UAX #9.

Explicit directions (embeddings, overrides, isolates) are not handled: they are taken out of
an invoice before, since they could make it read otherwise than it is written. Own code,
because HarfBuzz leaves this to its callers, and python-bidi has no function that both pairs
brackets (rule N0) and tells the levels of single characters.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter

RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")

#: One letter for each bidirectional class that decides anything; the others are neutral, O.
_KINDS = dict(zip(("L", "R", "AL", "EN", "AN", "ES", "CS", "ET", "NSM"), "LRAENSCTM", strict=True))
_CLOSING = {"(": ")", "[": "]", "{": "}"}
#: Nested brackets beyond which the algorithm gives up on the rest of a paragraph.
_DEEPEST = 63
_MARKS = re.compile("M*")
_MIRRORED = str.maketrans("()[]{}<>«»‹›≤≥", ")(][}{><»«›‹≥≤")

#: What counts as right-to-left where neutrals are resolved: numbers do, too.
_AS_STRONG = str.maketrans("EN", "RR")


def levels(text: str) -> tuple[int, list[int]]:
    """The paragraph's level and that of each character: odd ones run from right to left."""
    kinds = "".join(_KINDS.get(unicodedata.bidirectional(char), "O") for char in text)
    base = next((kind for kind in kinds if kind in "LRA"), "L").replace("A", "R")
    resolved = _neutrals(_brackets(text, kinds, _weak(kinds, base), base), base)
    if base == "L":
        return 0, [{"L": 0, "R": 1, "E": 2, "N": 2}[kind] for kind in resolved]
    return 1, [1 if kind == "R" else 2 for kind in resolved]


def visual(
    text: str, start: int, stop: int, levels: Sequence[int], base_level: int
) -> Iterator[tuple[int, int, bool]]:
    """A line of a paragraph as stretches (start, stop, runs from right to left), left to right."""
    order = list(levels[start:stop])
    for index in range(stop - 1, start - 1, -1):  # L1: spaces at the end follow the paragraph
        if unicodedata.bidirectional(text[index]) != "WS":
            break
        order[index - start] = base_level
    runs = []
    for level, found in groupby(enumerate(order, start), key=itemgetter(1)):
        places = [place for place, _ in found]
        runs.append((places[0], places[-1] + 1, level))
    for depth in range(max(order, default=0), 0, -1):  # L2: from the innermost run outwards
        for first, last in _runs_at_least([level for _, _, level in runs], depth):
            runs[first:last] = runs[first:last][::-1]
    return ((first, last, level % 2 == 1) for first, last, level in runs)


def mirrored(text: str) -> str:
    """Text that runs from right to left, as it stands from left to right (rules L2 and L4)."""
    return text.translate(_MIRRORED)[::-1]


def _weak(kinds: str, base: str) -> str:
    """Rules W1 to W7: marks, numbers, and the signs in and around them."""
    # W1: a mark is of the kind of what it stands on. The sentinel is what precedes the text.
    kinds = re.sub("(.)(M+)", lambda m: m[1] * len(m[0]), base + kinds)
    kinds = re.sub("A[^LRA]+", lambda m: m[0].replace("E", "N"), kinds)  # W2
    kinds = kinds.replace("A", "R")  # W3
    kinds = re.sub("(?<=E)[SC](?=E)", "E", kinds)  # W4
    kinds = re.sub("(?<=N)C(?=N)", "N", kinds)
    kinds = re.sub("(?<=E)T+|T+(?=E)", lambda m: "E" * len(m[0]), kinds)  # W5
    kinds = re.sub("[SCT]", "O", kinds)  # W6
    kinds = re.sub("L[^LR]+", lambda m: m[0].replace("E", "L"), kinds)  # W7
    return kinds[1:]


def _brackets(text: str, kinds: str, resolved: str, base: str) -> str:
    """Rule N0: both brackets of a pair take one direction, that of what they enclose."""
    result = list(resolved)
    for opening, closing in sorted(_pairs(text, resolved)):
        inside = {kind.translate(_AS_STRONG) for kind in result[opening + 1 : closing]} - {"O"}
        if not inside:
            continue
        direction = base
        if base not in inside:
            # Only the other direction is enclosed: it counts if it also leads up to the pair.
            before = (result[index].translate(_AS_STRONG) for index in range(opening - 1, -1, -1))
            direction = next((kind for kind in before if kind != "O"), base)
        for index in (opening, closing):
            marks = _MARKS.match(kinds, index + 1)
            stop = marks.end() if marks else index + 1
            result[index:stop] = direction * (stop - index)
    return "".join(result)


def _pairs(text: str, resolved: str) -> Iterator[tuple[int, int]]:
    """Positions of the brackets that match, as the definition BD16 finds them."""
    unclosed: list[tuple[str, int]] = []
    for index, char in enumerate(text):
        if resolved[index] != "O":
            continue
        if char in _CLOSING:
            if len(unclosed) == _DEEPEST:
                return
            unclosed.append((_CLOSING[char], index))
        elif char in _CLOSING.values():
            for depth in range(len(unclosed) - 1, -1, -1):
                if unclosed[depth][0] == char:
                    yield unclosed[depth][1], index
                    del unclosed[depth:]
                    break


def _neutrals(kinds: str, base: str) -> str:
    """Rules N1 and N2: between two of one direction, that direction; else the paragraph's."""
    framed = f"{base}{kinds}{base}"
    strong = framed.translate(_AS_STRONG)

    def direction(match: re.Match[str]) -> str:
        before, after = strong[match.start() - 1], strong[match.end()]
        return (before if before == after else base) * len(match[0])

    return re.sub("O+", direction, framed)[1:-1]


def _runs_at_least(order: Sequence[int], depth: int) -> Iterator[tuple[int, int]]:
    """Stretches (start, stop) whose levels are `depth` or more."""
    mask = "".join("x" if level >= depth else "-" for level in order)
    return ((match.start(), match.end()) for match in re.finditer("x+", mask))
