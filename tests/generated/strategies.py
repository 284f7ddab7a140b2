"""What several rooms of generated cases are made of."""

from typing import Any

from hypothesis import strategies as st

#: Any text that JSON can carry, lone surrogates as well.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)

_SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(10**70), max_value=10**70),
    st.floats(allow_nan=False, allow_infinity=False),
    ANY_TEXT,
)
#: Any value of JSON, a few levels deep.
JSON: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=4,
)
