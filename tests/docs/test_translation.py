"""README.ru.md says what README.md says: the same commands, names and figures."""

import re
from collections import Counter

from tests.docs.markdown import README, RUSSIAN, Code, read, source

ENGLISH_README, RUSSIAN_README = read(README), read(RUSSIAN)

#: Short for what needs no words: numbers, file names, and the signs between them.
WORDLESS = re.compile(r"[\d\s.:;,-]*|true|false")


def test_has_the_same_outline() -> None:
    levels = [heading.level for heading in ENGLISH_README.headings]

    assert [heading.level for heading in RUSSIAN_README.headings] == levels
    # A heading that is a name stays one.
    for ours, theirs in zip(ENGLISH_README.headings, RUSSIAN_README.headings, strict=True):
        if not re.search("[А-Яа-я]", theirs.text):
            assert theirs.text == ours.text


def test_has_the_same_code_in_the_same_places() -> None:
    def without_comments(block: Code) -> tuple[int, str, str]:
        text = "\n".join(block.lines) if block.language == "sh" else block.text
        return block.section, block.language, text

    assert [without_comments(block) for block in RUSSIAN_README.blocks] == [
        without_comments(block) for block in ENGLISH_README.blocks
    ]


def test_comments_are_translated() -> None:
    shell = [block.text for block in RUSSIAN_README.blocks if block.language == "sh"]
    comments = re.findall(r"#(.*)$", "\n".join(shell), re.MULTILINE)

    assert comments
    assert [comment for comment in comments if not re.search("[а-я]", comment)] == []


def test_has_the_same_tables_of_the_same_names() -> None:
    assert len(RUSSIAN_README.tables) == len(ENGLISH_README.tables)
    for ours, theirs in zip(ENGLISH_README.tables, RUSSIAN_README.tables, strict=True):
        assert [row[0].codes for row in theirs] == [row[0].codes for row in ours]
        for our_row, their_row in zip(ours, theirs, strict=True):
            for our_cell, their_cell in zip(our_row, their_row, strict=True):
                # A sentence may have another order in another language.
                assert Counter(their_cell.codes) == Counter(our_cell.codes), our_row[0].text
                if WORDLESS.fullmatch(our_cell.text):
                    assert their_cell.text == our_cell.text, our_row[0].text


def test_has_the_same_names_between_the_tables() -> None:
    assert Counter(RUSSIAN_README.codes) == Counter(ENGLISH_README.codes)


def test_has_the_same_links() -> None:
    assert sorted({*RUSSIAN_README.targets} - {README}) == sorted(
        {*ENGLISH_README.targets} - {RUSSIAN}
    )
    assert README in RUSSIAN_README.targets
    assert RUSSIAN in ENGLISH_README.targets


def test_has_the_same_figures_in_each_section() -> None:
    """Numbers of the prose, in whatever order a sentence has them."""

    def figures(name: str) -> list[Counter[str]]:
        text = re.sub(r"^```.*?^```", "", source(name), flags=re.MULTILINE | re.DOTALL)
        return [
            Counter(re.findall(r"\d+(?:[.:]\d+)*", section)) for section in re.split("^#", text)
        ]

    assert figures(RUSSIAN) == figures(README)
