"""Recorded payloads: a transport that answers from files, and a look for what must not be in them.

One file is one exchange:

    {"request": {"method": "POST", "path": "/v1/refunds"},
     "response": {"status": 201, "headers": {}, "json": {"status": "succeeded"}}}

`json` may be `text` instead, for anything else. Several files for one request answer in the order
of their names; the last one stays.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One recorded request and its answer."""

    method: str
    path: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""

    @classmethod
    def load(cls, file: Path) -> "Exchange":
        """Raises ValueError, naming the file, for anything but a recorded exchange."""
        try:
            found = json.loads(file.read_text("utf-8"))
            request, response = found["request"], found["response"]
            return cls(
                method=request["method"].upper(),
                path=request["path"],
                status=int(response["status"]),
                headers=dict(response.get("headers", {})),
                content=_content(response),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{file}: not a recorded exchange ({error!r}); it needs `request` with `method` "
                "and `path`, and `response` with `status` and `json` or `text`"
            ) from error


def _content(response: dict[str, Any]) -> bytes:
    if "json" in response:
        return json.dumps(response["json"], ensure_ascii=False).encode()
    return str(response.get("text", "")).encode()


class RecordedTransport(httpx2.AsyncBaseTransport):
    """Answers from recorded exchanges; keeps the requests it got in `requests`."""

    def __init__(self, exchanges: list[Exchange]) -> None:
        self.exchanges = list(exchanges)
        self.requests: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises LookupError for a request that was not recorded."""
        await request.aread()
        self.requests.append(request)
        found = [
            exchange
            for exchange in self.exchanges
            if (exchange.method, exchange.path) == (request.method, request.url.path)
        ]
        if not found:
            known = ", ".join(f"{one.method} {one.path}" for one in self.exchanges) or "nothing"
            raise LookupError(f"{request.method} {request.url.path} was not recorded, only {known}")
        if len(found) > 1:
            self.exchanges.remove(found[0])
        return httpx2.Response(
            found[0].status, headers=found[0].headers, content=found[0].content, request=request
        )


def recorded(folder: Path) -> RecordedTransport:
    """A transport that answers from the `*.json` files of a folder.

    Raises ValueError when there are none, or one is no recorded exchange.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise ValueError(f"{folder} holds no recorded exchanges (*.json)")
    return RecordedTransport([Exchange.load(file) for file in files])


# --- what must not be in them ---------------------------------------------------------------

_CARD = re.compile(r"(?<![\w.])(?:\d[ -]?){12,18}\d(?![\w.])")
_EMAIL = re.compile(r"[\w.+-]+@((?:[\w-]+\.)+[A-Za-z]{2,})")
_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\b[sr]k_(?:live|test)_\w{8,}|\bwhsec_[\w+/=]{8,}"
    r"|\bAKIA[0-9A-Z]{16}\b|\b(?i:bearer|basic)\s+[\w.~+/-]{16,}=*|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}"
)
_EXAMPLES = re.compile(r"(?:^|\.)(?:example\.(?:com|org|net)|[\w-]+\.(?:example|test|invalid))$")


def leaks(folder: Path) -> list[str]:
    """What looks like a card number, an e-mail address or a key: file, line and kind of each.

    The finding itself is not repeated, since it may be real.
    """
    found = []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), 1):
            found += [f"{file.name}:{number}: {what}" for what in _kinds(line)]
    return found


def _kinds(line: str) -> list[str]:
    kinds = []
    if any(_is_card(match[0]) for match in _CARD.finditer(line)):
        kinds.append("a card number")
    if any(not _EXAMPLES.search(match[1].lower()) for match in _EMAIL.finditer(line)):
        kinds.append("an e-mail address")
    if _KEY.search(line):
        kinds.append("a key")
    return kinds


def _is_card(text: str) -> bool:
    """Luhn's check, and a first digit that card networks use."""
    digits = [int(sign) for sign in text if sign.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return digits[0] in {2, 3, 4, 5, 6} and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
