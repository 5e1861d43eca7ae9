"""What a file is, judged by how it begins and by nothing that anybody says about it.

A short list of what evidence is made of. Whatever is not on it is nothing: a page, a script or a
picture that can run one (SVG) has no signature here and gets no type.
"""

from collections.abc import Callable

HEAD = 32
"""Bytes that are enough to tell."""

_STILLS = {b"heic", b"heix", b"heim", b"heis", b"mif1"}
_FILMS = {
    b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"avc1", b"mp41", b"mp42", b"M4V ", b"MSNV",
    b"dash", b"3gp4", b"3gp5", b"3gp6",
}  # fmt: skip


def _brand(head: bytes) -> bytes:
    """The major brand of an ISO base media file (ISO/IEC 14496-12); empty for other files."""
    return head[8:12] if head[4:8] == b"ftyp" else b""


_SIGNATURES: dict[str, Callable[[bytes], bool]] = {
    "image/jpeg": lambda head: head.startswith(b"\xff\xd8\xff"),
    "image/png": lambda head: head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR",
    "image/gif": lambda head: head.startswith((b"GIF87a", b"GIF89a")),
    "image/webp": lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP",
    "image/heic": lambda head: _brand(head) in _STILLS,
    "application/pdf": lambda head: head.startswith(b"%PDF-"),
    "video/mp4": lambda head: _brand(head) in _FILMS,
    "video/quicktime": lambda head: _brand(head) == b"qt  ",
}

KNOWN = tuple(_SIGNATURES)
"""The media types that are accepted."""


def sniff(head: bytes) -> str | None:
    """The media type of a file that begins with `head`; None for one that is not accepted."""
    return next((type_ for type_, fits in _SIGNATURES.items() if fits(head)), None)


def is_image(media_type: str) -> bool:
    """True for what a page may show in place; everything else is saved."""
    return media_type.startswith("image/")
