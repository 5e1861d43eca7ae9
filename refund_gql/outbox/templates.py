"""The language of templates: Jinja narrowed to text, variables and `if`.

What a shop may write is a list of what is allowed, checked on the syntax tree when a template is
saved: nothing in it can loop, call, reach an attribute or grow, so that rendering takes time in
proportion to the text and cannot fail.
"""

from collections.abc import Callable, Collection, Mapping
from enum import Enum, auto
from functools import lru_cache

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from refund_gql import validation
from refund_gql.errors import InvalidInput

MAX_SUBJECT = 200
MAX_BODY = 4_000
"""Characters a template may have."""
MAX_TEXT = 8_000
"""Characters of a finished text; what is longer is cut."""
MAX_DEPTH = 25
"""How deep `if` within `if`, brackets within brackets may go."""

FILTERS: dict[str, Callable[..., str]] = {
    "default": lambda value, fallback: value or fallback,
    "lower": str.lower,
    "trim": str.strip,
    "upper": str.upper,
}
"""`default` speaks for an empty variable, since none is ever missing."""
_ARGUMENTS = {"default": 1}

_environment = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_environment.filters = dict(FILTERS)
_environment.globals = {}
_environment.tests = {}


def check_subject(field: str, source: str, variables: Collection[str]) -> str:
    """The subject's template without surrounding space. Raises InvalidInput."""
    source = validation.text(field, source, longest=MAX_SUBJECT, required=False)
    check(field, source, variables)
    return source


def check_body(field: str, source: str, variables: Collection[str]) -> str:
    """The body's template without surrounding space. Raises InvalidInput."""
    source = validation.text(field, source, longest=MAX_BODY)
    check(field, source, variables)
    return source


def check(field: str, source: str, variables: Collection[str]) -> None:
    """Prove that a template can be rendered with these variables.

    Raises InvalidInput; the last part of its path is the line, counted from 1.
    """
    try:
        _Checker(variables).check(_environment.parse(source))
        _compiled(source)
    except TemplateSyntaxError as error:
        mistake = _Mistake(error.lineno, f"correct syntax ({error.message})", "正确的模板语法")
    except RecursionError:
        mistake = _too_deep(1)
    except _Mistake as error:
        mistake = error
    else:
        return
    raise _refusal(field, source, mistake)


def render(source: str, values: Mapping[str, str]) -> str:
    """The finished text of a checked template; `values` has every variable. Pure."""
    return _compiled(source).render(values).strip()[:MAX_TEXT]


@lru_cache(maxsize=512)
def _compiled(source: str) -> Template:
    return _environment.from_string(source)


class _Mistake(Exception):
    def __init__(self, line: int | None, expected: str, zh: str) -> None:
        """Jinja forgets the line of some nodes that it makes up itself."""
        super().__init__(expected)
        self.line, self.expected, self.zh = line or 1, expected, zh


def _refusal(field: str, source: str, mistake: _Mistake) -> InvalidInput:
    lines = source.split("\n")
    found = lines[min(mistake.line, len(lines)) - 1].strip()
    return InvalidInput(
        field=f"{field}.{mistake.line}",
        found=found if len(found) <= 60 else f"{found[:59]}…",
        expected=f"on line {mistake.line}: {mistake.expected}",
        zh=f"第 {mistake.line} 行：{mistake.zh}",
    )


def _too_deep(line: int) -> _Mistake:
    return _Mistake(line, f"at most {MAX_DEPTH} levels of nesting", f"嵌套最多 {MAX_DEPTH} 层")


class _Type(Enum):
    """What an expression gives; only text may stand in a text or be compared."""

    TEXT = auto()
    TRUTH = auto()


class _Checker:
    """Walks a syntax tree; meets nothing but what is named here, or raises _Mistake."""

    def __init__(self, variables: Collection[str]) -> None:
        self._variables = variables

    def check(self, template: nodes.Template) -> None:
        for node in template.body:
            self._statement(node, depth=1)

    def _statement(self, node: nodes.Node, depth: int) -> None:
        self._measure(node, depth)
        match node:
            case nodes.Output():
                for part in node.nodes:
                    if not isinstance(part, nodes.TemplateData):
                        self._text(part, depth + 1)
            case nodes.If():
                self._type(node.test, depth + 1)
                for inner in (*node.body, *node.elif_, *node.else_):
                    self._statement(inner, depth + 1)
            case _:
                raise self._forbidden(node)

    def _text(self, node: nodes.Node, depth: int) -> None:
        if self._type(node, depth) is not _Type.TEXT:
            raise _Mistake(
                node.lineno,
                "a variable or text here; conditions belong into `if`",
                "此处应为变量或文本，条件请写在 if 中",
            )

    def _type(self, node: nodes.Node, depth: int) -> _Type:
        self._measure(node, depth)
        match node:
            case nodes.Const(value=str()):
                return _Type.TEXT
            case nodes.Name():
                return self._variable(node)
            case nodes.Filter():
                return self._filter(node, depth)
            case nodes.CondExpr(expr2=nodes.Expr() as otherwise):
                self._type(node.test, depth + 1)
                return self._both(node.expr1, otherwise, depth)
            case nodes.And() | nodes.Or():
                return self._both(node.left, node.right, depth)
            case nodes.Not():
                self._type(node.node, depth + 1)
                return _Type.TRUTH
            case nodes.Compare():
                return self._compare(node, depth)
            case _:
                raise self._forbidden(node)

    def _variable(self, node: nodes.Name) -> _Type:
        if node.name not in self._variables:
            known = ", ".join(sorted(self._variables))
            raise _Mistake(
                node.lineno,
                f"no variable {node.name}, only {known}",
                f"没有变量 {node.name}，可用：{known}",
            )
        return _Type.TEXT

    def _filter(self, node: nodes.Filter, depth: int) -> _Type:
        plain = not (node.kwargs or node.dyn_args or node.dyn_kwargs)
        right_number = len(node.args) == _ARGUMENTS.get(node.name, 0)
        if node.node is None or node.name not in FILTERS or not plain or not right_number:
            raise _Mistake(
                node.lineno,
                "a filter: upper, lower, trim or default('...')",
                "过滤器仅限 upper、lower、trim 和 default('...')",
            )
        for part in (node.node, *node.args):
            self._text(part, depth + 1)
        return _Type.TEXT

    def _both(self, left: nodes.Node, right: nodes.Node, depth: int) -> _Type:
        types = {self._type(left, depth + 1), self._type(right, depth + 1)}
        return types.pop() if len(types) == 1 else _Type.TRUTH

    def _compare(self, node: nodes.Compare, depth: int) -> _Type:
        self._text(node.expr, depth + 1)
        for operand in node.ops:
            if operand.op not in ("eq", "ne", "in", "notin"):
                raise _Mistake(
                    node.lineno, "a comparison: ==, !=, in or not in", "比较仅限 ==、!=、in、not in"
                )
            self._text(operand.expr, depth + 1)
        return _Type.TRUTH

    def _measure(self, node: nodes.Node, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise _too_deep(node.lineno)

    def _forbidden(self, node: nodes.Node) -> _Mistake:
        return _Mistake(
            node.lineno,
            "only text, {{ variable }} and {% if %}, without loops, calls, numbers or attributes",
            "仅支持文本、{{ 变量 }} 和 {% if %}，不支持循环、调用、数字或属性",
        )
