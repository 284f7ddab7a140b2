"""What the documents say, apart from how: headings, code, tables, links."""

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

REPOSITORY = Path(__file__).parents[2]
README, RUSSIAN = "README.md", "README.ru.md"
BOTH = (README, RUSSIAN)


@dataclass(frozen=True)
class Cell:
    """One cell of a table."""

    text: str
    #: What stands between backquotes in it, in order.
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """A fenced block, and the number of the heading that it stands under."""

    language: str
    text: str
    section: int

    @property
    def lines(self) -> list[str]:
        """Its lines without comments, as a shell takes them."""
        stripped = (re.sub(r"(^|\s+)#.*$", "", line) for line in self.text.splitlines())
        return [line for line in stripped if line]


@dataclass(frozen=True)
class Heading:
    level: int
    text: str
    anchor: str


@dataclass
class Document:
    headings: list[Heading] = field(default_factory=list)
    blocks: list[Code] = field(default_factory=list)
    #: Each table's rows, its header first.
    tables: list[list[tuple[Cell, ...]]] = field(default_factory=list)
    #: What stands between backquotes anywhere.
    codes: list[str] = field(default_factory=list)
    #: Targets of links and pictures.
    targets: list[str] = field(default_factory=list)

    def table(self, first_header: str) -> list[tuple[Cell, ...]]:
        """The rows, without the header, of the one table whose first column is called so."""
        (found,) = (rows for rows in self.tables if rows[0][0].text == first_header)
        return found[1:]

    def named(self, first_header: str) -> list[str]:
        """The names that a table explains: what its first column has between backquotes."""
        return [code for row in self.table(first_header) for code in row[0].codes]


@cache
def read(path: str) -> Document:
    """A Markdown file of the repository; tables as GitHub has them."""
    document = Document()
    tokens = MarkdownIt("commonmark").enable("table").parse(source(path))
    for token, content in zip(tokens, [*tokens[1:], None], strict=True):
        match token.type:
            case "heading_open" if content:
                _add_heading(document, int(token.tag[1:]), _plain(content))
            case "fence":
                section = len(document.headings) - 1
                document.blocks.append(Code(token.info.strip(), token.content, section))
            case "table_open":
                document.tables.append([])
            case "tr_open":
                document.tables[-1].append(())
            case "th_open" | "td_open" if content:
                document.tables[-1][-1] += (Cell(_plain(content), tuple(_codes(content))),)
            case "inline":
                document.codes += _codes(token)
                document.targets += _targets(token)
    return document


def source(path: str) -> str:
    return (REPOSITORY / path).read_text(encoding="utf-8")


def _add_heading(document: Document, level: int, text: str) -> None:
    """With the anchor that GitHub makes of it."""
    anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
    before = sum(heading.anchor == anchor for heading in document.headings)
    document.headings.append(Heading(level, text, f"{anchor}-{before}" if before else anchor))


def _plain(inline: Token) -> str:
    return "".join(child.content for child in inline.children or ())


def _codes(inline: Token) -> list[str]:
    return [child.content for child in inline.children or () if child.type == "code_inline"]


def _targets(inline: Token) -> list[str]:
    children = inline.children or ()
    found = [child.attrGet("href") or child.attrGet("src") for child in children]
    return [str(target) for target in found if target]
