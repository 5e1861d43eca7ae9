"""The bytes of a file: unpacked, fingerprinted, and known to be text where they have to be."""

import gzip
import hashlib
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from refund_gql.importing.failure import BrokenFile

_ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, kw_only=True)
class File:
    """A file as it was read, once."""

    name: str
    """Without its folder."""
    format: str
    """csv, jsonl or parquet."""
    sha256: str
    """Of the file as it lies on the disk."""
    data: bytes = field(repr=False)
    """Unpacked, and without a byte order mark."""


def read(path: Path) -> File:
    """Read a whole file. Raises BrokenFile."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BrokenFile(f"{path}: cannot be read: {error.strerror}") from error
    form, packed = _form(path)
    data = _unpacked(raw, path) if packed else raw
    if not data:
        raise BrokenFile(f"{path.name}: the file is empty; export it again")
    if form != "parquet":
        data = data.removeprefix(_BYTE_ORDER_MARK)
        _check_text(data, path.name)
    return File(name=path.name, format=form, sha256=hashlib.sha256(raw).hexdigest(), data=data)


def _form(path: Path) -> tuple[str, bool]:
    packed = path.suffix.lower() == ".gz"
    ending = (path.with_suffix("") if packed else path).suffix.lower()
    if ending not in _ENDINGS or (packed and ending == ".parquet"):
        raise BrokenFile(
            f"{path.name}: the ending says nothing about the format; rename the file to end in "
            f"{', '.join(_ENDINGS)} (the text formats also with .gz behind)"
        )
    return _ENDINGS[ending], packed


def _unpacked(raw: bytes, path: Path) -> bytes:
    try:
        return gzip.decompress(raw)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BrokenFile(
            f"{path.name}: the gzip file is truncated or damaged ({error}); copy it again"
        ) from error


def _check_text(data: bytes, name: str) -> None:
    if (nul := data.find(b"\0")) >= 0:
        raise BrokenFile(
            f"{name}, line {_line(data, nul)}: a NUL byte; this is no text file, or it was saved "
            "as UTF-16: save it as UTF-8"
        )
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise BrokenFile(
            f"{name}, line {_line(data, error.start)}: byte 0x{data[error.start]:02x} is not "
            "UTF-8; save the file as UTF-8"
        ) from error


def _line(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1
