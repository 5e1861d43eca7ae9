"""Script files: JSON lines that say how the sandbox behaves."""

from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from refund_gql.providers import Misconfigured

Line = TypeVar("Line", bound=BaseModel)


class InstructionError(Misconfigured):
    """The sandbox was told to misbehave in words it does not understand; correct them."""


class Script(Generic[Line]):
    """The lines of one file, read again when the file changes.

    A file that does not exist holds none: a test may write it later.
    """

    def __init__(self, path: Path | None, line: type[Line], *, setting: str = "script") -> None:
        """`setting` is what the file's name was given in; no path, no lines."""
        self._path = path
        self._line = line
        self._setting = setting
        # One attribute for both, so that two threads never pair new lines with an old stamp.
        self._read: tuple[tuple[int, ...], list[Line]] = ((), [])

    def lines(self) -> list[Line]:
        """The lines as the file has them now; blocks on the disk.

        Raises InstructionError when the file can't be read or holds something else.
        """
        if self._path is None:
            return []
        stamp = _stamp(self._path)
        if stamp != self._read[0]:
            self._read = (stamp, self._parse(self._path) if stamp else [])
        return self._read[1]

    def _parse(self, path: Path) -> list[Line]:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InstructionError(
                f"refund-gql-sandbox: cannot read {path}: {error}; "
                f"the setting {self._setting} must name a text file of JSON lines",
                field=self._setting,
            ) from error
        return [self._validated(at, line) for at, line in enumerate(lines, 1) if line.strip()]

    def _validated(self, at: int, line: str) -> Line:
        try:
            return self._line.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            fields = ", ".join(self._line.model_fields)
            where = ".".join(str(part) for part in first["loc"]) or "the line"
            raise InstructionError(
                f"refund-gql-sandbox: {self._path}, line {at}: {where}: {first['msg']}; "
                f"a {self._line.__name__.lower()} has the fields {fields}",
                field=self._setting,
            ) from error


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return ()
    # Two writes within one tick of a coarse clock differ in size or inode more often than not.
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)
