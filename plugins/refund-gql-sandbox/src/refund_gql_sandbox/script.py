"""The script file: rules that say which call misbehaves how."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from refund_gql.providers import RefundRequest
from refund_gql_sandbox.misbehaviour import Misbehaviour


class InstructionError(Exception):
    """The sandbox was told to misbehave in words it does not understand; correct them."""


class Rule(BaseModel):
    """One line of a script. A field that is left out matches every refund."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: str | None = None
    """The refund number."""
    amount: int | None = None
    """Minor units."""
    capture: str | None = None
    """The capture reference."""
    nth: PositiveInt = 1
    """The first refund() call of a number that the rule applies to, counted from 1."""
    misbehaviour: Misbehaviour
    """What happens; OK shields the call from the triggers after the script."""
    times: PositiveInt | None = 1
    """To how many calls of a number, from the nth on, it applies; null for all of them."""

    def matches(self, request: RefundRequest, nth: int) -> bool:
        """Whether the rule applies to the nth refund() call (from 1) of the request's number."""
        return (
            self.number in (None, request.number)
            and self.amount in (None, request.amount)
            and self.capture in (None, request.capture_reference)
            and self.nth <= nth
            and (self.times is None or nth < self.nth + self.times)
        )


class Script:
    """The rules of one JSON-lines file, read again when the file changes.

    A file that does not exist holds no rules: a test may write it later.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # One attribute for both, so that two threads never pair new rules with an old stamp.
        self._read: tuple[tuple[int, ...], list[Rule]] = ((), [])

    def rules(self) -> list[Rule]:
        """The rules as the file has them now; blocks on the disk.

        Raises InstructionError when the file can't be read or holds something else than rules.
        """
        stamp = self._stamp()
        if stamp != self._read[0]:
            self._read = (stamp, self._parse() if stamp else [])
        return self._read[1]

    def _stamp(self) -> tuple[int, ...]:
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return ()
        # Two writes within one tick of a coarse clock differ in size or inode more often than not.
        return (stat.st_mtime_ns, stat.st_size, stat.st_ino)

    def _parse(self) -> list[Rule]:
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InstructionError(
                f"refund-gql-sandbox: cannot read the script {self._path}: {error}; "
                "REFUND_GQL_SANDBOX_SCRIPT must name a text file of JSON lines"
            ) from error
        return [self._rule(at, line) for at, line in enumerate(lines, 1) if line.strip()]

    def _rule(self, at: int, line: str) -> Rule:
        try:
            return Rule.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the line"
            raise InstructionError(
                f"refund-gql-sandbox: {self._path}, line {at}: {where}: {first['msg']}; "
                f"a rule has the fields {', '.join(Rule.model_fields)}"
            ) from error
