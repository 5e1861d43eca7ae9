"""How a message looks on a terminal, in its own language."""

from datetime import datetime
from unicodedata import category

from refund_gql_sandbox.inbox.mailbox import Mail

_LABELS = {
    "zh": ("收件人", "时间", "主题", "备注"),
    "en": ("To", "At", "Subject", "Note"),
}
_AGAIN = {
    "zh": "同一编号共送达 {0} 次，只保留一次",
    "en": "arrived {0} times with the same id, kept once",
}

EMPTY = "收件箱是空的。The inbox is empty.\n"


def letter(mail: Mail) -> str:
    """The message for people, with an empty line at the end."""
    language = "zh" if mail.locale.startswith("zh") else "en"
    again = _AGAIN[language].format(mail.arrivals) if mail.arrivals > 1 else ""
    values = (mail.address, _local(mail.received_at), mail.subject, again)
    head = zip(_LABELS[language], values, strict=True)
    lines = [f"── {mail.position} · {mail.event} ".ljust(60, "─")]
    lines += [f"{label}: {' '.join(value.splitlines())}" for label, value in head if value]
    return _printable("\n".join([*lines, "", mail.text, "", ""]))


def _printable(text: str) -> str:
    # A message may hold what a stranger wrote, and a terminal obeys control characters.
    return "".join(c for c in text if category(c)[0] != "C" or c == "\n")


def _local(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
