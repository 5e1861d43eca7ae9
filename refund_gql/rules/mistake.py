"""What is wrong with a condition, and where: line, column, words in both languages, a caret."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

_SHOWN = 60
"""Characters of a long line on each side of the caret."""


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One thing to change. Lines and columns count from 1, columns in characters."""

    line: int
    column: int
    message: Mapping[str, str]
    """Locale -> what is wrong and what to write instead."""
    excerpt: str
    """The line, and below it a caret under the place."""


def at(condition: str, offset: int, *, zh: str, en: str) -> Mistake:
    """The mistake at so many characters from the start."""
    line = condition.count("\n", 0, offset) + 1
    column = offset - (condition.rfind("\n", 0, offset) + 1) + 1
    return on(condition, line, column, zh=zh, en=en)


def on(condition: str, line: int, column: int, *, zh: str, en: str) -> Mistake:
    """The mistake at a line and a column; a place outside the condition is its start."""
    lines = condition.split("\n")
    if not 1 <= line <= len(lines) or column < 1:
        line, column = 1, 1
    excerpt = _excerpt(lines[line - 1], column)
    return Mistake(line=line, column=column, message={"zh": zh, "en": en}, excerpt=excerpt)


def _excerpt(line: str, column: int) -> str:
    first = max(0, column - 1 - _SHOWN)
    before, after = line[first : column - 1], line[column - 1 : column - 1 + _SHOWN]
    return f"{before}{after}\n{''.join(map(_blank, before))}^"


def _blank(character: str) -> str:
    """Space as wide as the character: Chinese takes two columns where code is read."""
    if character == "\t":
        return "\t"
    return "\u3000" if unicodedata.east_asian_width(character) in "WF" else " "
