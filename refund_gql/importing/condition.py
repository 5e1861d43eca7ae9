"""Which rows a mapping leaves out: named rules, each counted in the report."""

import re
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from refund_gql.importing.source import as_text, plain_decimal

_TESTS = (
    "is",
    "one_of",
    "starts_with",
    "matches",
    "missing",
    "below",
    "at_most",
    "above",
    "at_least",
)


class Condition(BaseModel):
    """One test of one column, as in `{ column = "Quantity", at_most = 0 }`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    is_: str | None = Field(default=None, alias="is")
    one_of: tuple[str, ...] | None = None
    starts_with: str | None = None
    matches: str | None = None
    """A regular expression that the whole text has to fit."""
    missing: bool | None = None
    below: Decimal | None = None
    at_most: Decimal | None = None
    above: Decimal | None = None
    at_least: Decimal | None = None

    @field_validator("matches")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"is not a regular expression: {error}") from error
        return pattern

    @model_validator(mode="after")
    def _one_test(self) -> "Condition":
        if len(self.model_fields_set) != 2:
            raise ValueError(f"give the column exactly one test: {', '.join(_TESTS)}")
        return self

    def holds(self, value: object) -> bool:
        """Whether a cell passes. An empty cell passes `missing = true` and nothing else; text
        that is no number passes no comparison, and is left to the field that reads it."""
        text = as_text(value)
        if self.missing is not None:
            return (text is None) == self.missing
        return text is not None and (self._fits(text) or self._compares(text))

    def _fits(self, text: str) -> bool:
        return (
            text == self.is_
            or text in (self.one_of or ())
            or (self.starts_with is not None and text.startswith(self.starts_with))
            or (self.matches is not None and re.fullmatch(self.matches, text) is not None)
        )

    def _compares(self, text: str) -> bool:
        try:
            number = Decimal(plain_decimal(text))
        except ValueError:
            return False
        return (
            (self.below is not None and number < self.below)
            or (self.at_most is not None and number <= self.at_most)
            or (self.above is not None and number > self.above)
            or (self.at_least is not None and number >= self.at_least)
        )


class Skip(BaseModel):
    """A rule that leaves rows out: those for which all of `when` holds, and not all of `unless`.

    A row that several rules would leave out is counted under the first of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    when: tuple[Condition, ...] = ()
    unless: tuple[Condition, ...] = ()

    @model_validator(mode="after")
    def _something(self) -> "Skip":
        if not self.when and not self.unless:
            raise ValueError("a rule needs `when` or `unless`")
        return self

    def columns(self) -> set[str]:
        """The columns of the file that the rule looks at."""
        return {condition.column for condition in (*self.when, *self.unless)}
