"""A first look at a condition, before CEL sees it: its size, the names it uses, what it calls.

CEL alone would let a short condition run long (a comprehension over a comprehension, a list
built in place, a regular expression). This scan takes all of that out of the language: what is
left reads each declared list at most once a call, whatever somebody writes.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from refund_gql.choices import RuleTrigger
from refund_gql.rules import mistake
from refund_gql.rules.facts import BY_NAME, FACTS, FactType
from refund_gql.rules.mistake import Mistake

MAX_LENGTH = 2000
"""Characters of a condition."""
MAX_DEPTH = 16
"""Brackets inside brackets."""
MAX_ENTRIES = 100
"""Entries of a list that is written out."""

MAX_MISTAKES = 5
"""Mistakes told at once."""

CALLS = ("size", "int", "double")
"""What may be called with a value: `size(x)`."""
METHODS = ("size", "startsWith", "endsWith", "contains")
"""What may be called on a value: `x.contains(y)`."""
MACROS = ("exists", "exists_one", "all")
"""What may be asked of a list among the facts: `list.exists(entry, condition)`."""

_KEYWORDS = ("true", "false", "null", "in")
_GROUPS = frozenset(fact.group for fact in FACTS)
_TOKEN = re.compile(
    r"(?P<space>\s+|//[^\n]*)"
    r"|(?P<text>'(?:\\.|[^'\\\r\n])*'|\"(?:\\.|[^\"\\\r\n])*\")"
    r"|(?P<number>0[xX][0-9a-fA-F]+[uU]?|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[uU]?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

_WORDS = {"and": "&&", "or": "||", "not": "!"}
"""What people write who know other languages."""

_REFUSED = {
    "matches": (
        "条件中不能使用正则表达式，请改用 startsWith、endsWith、contains 或 in",
        "There are no regular expressions here; use startsWith, endsWith, contains or in",
    ),
    "map": ("条件中不能生成列表，请改用 exists", "No list can be built here; use exists"),
    "filter": ("条件中不能生成列表，请改用 exists", "No list can be built here; use exists"),
    "has": (
        "不需要 has：所需事实未知时，规则自动视为不匹配",
        "There is no has: a rule whose fact is not known does not match",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What was found."""

    facts: frozenset[str]
    """The names it uses."""
    mistakes: tuple[Mistake, ...]


def scan(condition: str, trigger: RuleTrigger | None = None) -> Scan:
    """Read a condition; with a trigger, facts that are never known then are mistakes."""
    refused = _outright(condition)
    if refused is not None:
        return Scan(facts=frozenset(), mistakes=(refused,))
    reader = _Reader(condition=condition, trigger=trigger)
    reader.read()
    mistakes = sorted(reader.mistakes, key=lambda found: (found.line, found.column))
    return Scan(facts=frozenset(reader.facts), mistakes=tuple(mistakes))


def _outright(condition: str) -> Mistake | None:
    """What is not even read."""
    if len(condition) > MAX_LENGTH:
        return mistake.on(
            condition[:MAX_LENGTH], 1, 1,
            zh=f"条件共 {len(condition)} 个字符，最多 {MAX_LENGTH} 个",
            en=f"The condition has {len(condition)} characters; {MAX_LENGTH} are the limit",
        )  # fmt: skip
    if not condition.strip():
        return mistake.on(
            "", 1, 1, zh="条件为空；如需始终匹配请写 true", en="Empty; write true for always"
        )
    found = _UNREADABLE.search(condition)
    if found is None:
        return None
    readable = _UNREADABLE.sub("?", condition)
    return mistake.at(readable, found.start(), zh="无法识别的字符", en="No character of a text")


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    offset: int


@dataclass
class _Reader:
    condition: str
    trigger: RuleTrigger | None
    facts: set[str] = field(default_factory=set)
    mistakes: list[Mistake] = field(default_factory=list)
    _commas: list[int] = field(default_factory=list)
    """For every open bracket the commas inside it so far."""
    _entries: list[tuple[str, int]] = field(default_factory=list)
    """For every macro that is open the name of its entries, and how many brackets are around."""

    def read(self) -> None:
        tokens = list(_tokens(self.condition))
        place = 0
        while place < len(tokens) and len(self.mistakes) < MAX_MISTAKES:
            token = tokens[place]
            if token.text in ("'", '"'):
                self._refuse(token, "文本缺少结束引号", "The text is not closed")
                return
            if token.kind == "name" and token.text not in _KEYWORDS:
                place = self._path(tokens, place)
                continue
            self._other(tokens, place)
            place += 1

    def _refuse(self, token: _Token, zh: str, en: str) -> None:
        self.mistakes.append(mistake.at(self.condition, token.offset, zh=zh, en=en))

    # --- names and calls ----------------------------------------------------------------------

    def _path(self, tokens: list[_Token], first: int) -> int:
        """Read a name with the dots in it, from its first part; where to read on."""
        end = first + 1
        while _text(tokens, end) == "." and _kind(tokens, end + 1) == "name":
            end += 2
        parts = tokens[first:end:2]
        if _kind(tokens, end) == "text" and tokens[end].offset == _end(parts[-1]):
            self._refuse(parts[-1], "文本前不能有前缀", "A text has no prefix here")
            return end
        called = parts.pop() if _text(tokens, end) == "(" else None
        selected = first > 0 and tokens[first - 1].text == "."
        if parts and not selected:
            self._name(parts)
        if called is not None:
            on_value = bool(parts) or selected
            self._call(called, parts if not selected else [], on_value, _text(tokens, end + 1))
        return end

    def _name(self, parts: list[_Token]) -> None:
        name = ".".join(part.text for part in parts)
        fact = BY_NAME.get(name)
        if name in (entry for entry, _ in self._entries):
            return
        if fact is None:
            self._unknown(parts[0], name)
        elif self.trigger is not None and self.trigger not in fact.triggers:
            self._refuse(
                parts[0],
                f"触发条件为 {self.trigger} 时，{name} 始终未知",
                f"{name} is never known when a rule is triggered by {self.trigger}",
            )
        else:
            self.facts.add(name)

    def _unknown(self, token: _Token, name: str) -> None:
        if name in _WORDS:
            self._refuse(token, f"请写 {_WORDS[name]}", f"Write {_WORDS[name]} for {name}")
            return
        near = difflib.get_close_matches(name, BY_NAME, n=3, cutoff=0.8)
        zh, en = f"没有名为 {name} 的事实", f"There is no fact {name}"
        if near:
            zh, en = f"{zh}；是否指 {'、'.join(near)}？", f"{en}; did you mean {' or '.join(near)}?"
        self._refuse(token, zh, en)

    def _call(self, called: _Token, on: list[_Token], on_value: bool, entry: str) -> None:
        if on_value and called.text in (*MACROS, "map", "filter"):
            self._macro(called, ".".join(part.text for part in on), entry)
        if called.text in _REFUSED:
            self._refuse(called, *_REFUSED[called.text])
        elif called.text not in (METHODS + MACROS if on_value else CALLS):
            known = ", ".join(METHODS + MACROS if on_value else CALLS)
            self._refuse(
                called,
                f"没有函数 {called.text}；可用：{known}",
                f"There is no {called.text} to call; there are {known}",
            )

    def _macro(self, called: _Token, name: str, entry: str) -> None:
        fact = BY_NAME.get(name)
        if self._entries:
            self._refuse(
                called, f"{called.text} 不能嵌套", f"{called.text} cannot stand inside another"
            )
        elif fact is None or fact.type is not FactType.STRINGS:
            self._refuse(
                called,
                f"{called.text} 只能用于列表类事实",
                f"{called.text} works on a list among the facts only",
            )
        elif entry in _GROUPS:
            self._refuse(
                called, f"{entry} 已被占用，请换一个名称", f"{entry} is taken; choose another name"
            )
        self._entries.append((entry, len(self._commas)))

    # --- everything else ----------------------------------------------------------------------

    def _other(self, tokens: list[_Token], place: int) -> None:
        token = tokens[place]
        if token.kind == "text" and _kind(tokens, place + 1) in ("text", "quote"):
            self._refuse(token, "文本之间缺少运算符", "Two texts side by side")
        elif token.text in ("{", "`"):
            self._refuse(token, f"此处不能使用 {token.text}", f"There is no {token.text} here")
        elif token.text == "." and not _is_value(tokens, place - 1):
            self._refuse(token, "此处不能使用点号", "A dot stands after a name only")
        elif token.text in ("(", "["):
            self._opened(token)
        elif token.text in (")", "]"):
            self._closed()
        elif token.text == "," and self._commas:
            self._comma(token)

    def _opened(self, token: _Token) -> None:
        self._commas.append(0)
        if len(self._commas) == MAX_DEPTH + 1:
            self._refuse(
                token,
                f"括号嵌套过深，最多 {MAX_DEPTH} 层",
                f"Brackets inside brackets; {MAX_DEPTH} deep is the limit",
            )

    def _closed(self) -> None:
        if self._commas:
            self._commas.pop()
        if self._entries and len(self._commas) <= self._entries[-1][1]:
            self._entries.pop()

    def _comma(self, token: _Token) -> None:
        self._commas[-1] += 1
        if self._commas[-1] == MAX_ENTRIES:
            self._refuse(
                token,
                f"列表过长，最多 {MAX_ENTRIES} 项",
                f"The list goes on; {MAX_ENTRIES} entries are the limit",
            )


def _tokens(condition: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(condition):
        kind = found.lastgroup or "other"
        if kind != "space":
            kind = "quote" if found.group() in ("'", '"') else kind
            yield _Token(kind, found.group(), found.start())


def _kind(tokens: list[_Token], place: int) -> str:
    return tokens[place].kind if place < len(tokens) else ""


def _text(tokens: list[_Token], place: int) -> str:
    return tokens[place].text if place < len(tokens) else ""


def _end(token: _Token) -> int:
    return token.offset + len(token.text)


def _is_value(tokens: list[_Token], place: int) -> bool:
    """Whether something that has a value ends here."""
    if place < 0:
        return False
    token = tokens[place]
    return token.text in (")", "]", "}") or token.kind in ("text", "name")
