"""How often the interpreter looks for garbage that reference counts do not find."""

import gc

#: New objects before the youngest are looked through (700 by default), and how many of those
#: rounds make one of the next generation (10 by default).
YOUNGEST, OLDER = 10_000, 50


def collect_less_often() -> None:
    """For a process that has made what it lives with, and then makes the same again and again.

    What is there now is never looked through any more. In the API that was a fifth of its
    processor time; its requests leave next to nothing behind that only the collector frees.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNGEST, OLDER, OLDER)
