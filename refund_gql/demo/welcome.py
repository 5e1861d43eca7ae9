"""What the demo prints once it is ready: where it is, who you can be, what to try."""

import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from rich.console import Console
from rich.markup import escape

from refund_gql import ids
from refund_gql.demo.people import ME, OWNER, PASSWORD
from refund_gql.demo.shop import HANDLE, NAME
from refund_gql.roles import Role

_ASK = """mutation($order: ID!, $key: String!, $note: String!) { \
refundRequest(input: {orderId: $order, idempotencyKey: $key, note: $note}) { __typename \
... on Refund { number statusText amount { decimal currency } } \
... on Problem { code message } } }"""
_FOLLOW = """query($number: String!) { order(number: $number) { number refunds { number statusText \
timeline { at text } } } }"""
_QUEUE = """query($status: [RefundStatus!]) { refunds(filter: {status: $status}) { totalCount \
edges { node { number note amount { decimal } statedReason { label } customer { name } \
nextSteps { mutation label } } } } }"""


@dataclass(frozen=True, kw_only=True)
class Welcome:
    """Everything a visitor needs."""

    url: str
    database_url: str
    shop_id: UUID
    tokens: Mapping[str, str]
    data: Path
    inbox: Path
    """The file in which the sandbox keeps what customers were told."""
    orders: int
    refunds: int
    unshipped: tuple[UUID, str] | None
    """Id and number of an order of the customer's that can be refunded at once, if one is left."""

    @property
    def graphql(self) -> str:
        """The endpoint."""
        return f"{self.url}/graphql"

    def as_json(self) -> str:
        """One line for programs."""
        return json.dumps({
            "url": self.url,
            "graphql": self.graphql,
            "database_url": self.database_url,
            "shop_id": str(self.shop_id),
            "tokens": self.tokens,
        })  # fmt: skip

    def as_page(self) -> str:
        """The page for people, in colours on a terminal."""
        console = Console(highlight=False, soft_wrap=True)
        with console.capture() as page:
            self._show(console)
        return page.get()

    def _show(self, console: Console) -> None:
        console.rule("refund_gql demo · 退款引擎演示", align="left")
        for name, value, remark in self._places():
            console.print(f"[bold]{name:<10}[/] [cyan]{escape(value)}[/]  [dim]{remark}[/]")
        console.print("\n[bold]A token for each role[/] [dim]each works for 30 days[/]")
        for role, token in self.tokens.items():
            console.print(f"{role:<10} [green]{token}[/]")
        console.print(self._logins())
        for number, (task, command) in enumerate(self._tries(), 1):
            console.print(f"\n[bold]{number}. {task}[/]")
            console.print(command, markup=False)
        console.print(_MORE)

    def _places(self) -> Iterator[tuple[str, str, str]]:
        counts = f"{self.orders} orders, {self.refunds} refunds, some in every state"
        yield "Shop", NAME, counts
        yield "GraphQL", self.graphql, "in a browser: examples for every role"
        yield "Health", f"{self.url}/readyz", ""
        yield "Database", _without_password(self.database_url), ""
        yield "Inbox", self._inbox(), "what customers are told, as it comes"
        yield "Data", str(self.data), "kept for the next start; --fresh begins anew"

    def _inbox(self) -> str:
        python, ledger = shlex.quote(sys.executable), shlex.quote(str(self.inbox))
        return f"{python} -m refund_gql_sandbox inbox --follow --ledger {ledger}"

    def _logins(self) -> str:
        return (
            f"[dim]Staff can log in as well: staffLogin with shop[/] {HANDLE}[dim], e-mail[/] "
            f"{OWNER.email} [dim](agent@, warehouse@, finance@, analyst@ …),\n"
            f"and the password[/] {PASSWORD}"
        )

    def _tries(self) -> Iterator[tuple[str, str]]:
        if self.unshipped is not None:
            order_id, number = self.unshipped
            yield (
                f"Be the customer {ME.name}: ask for the money of {number}, which has not been "
                "sent. Nobody has to look at it.",
                self._curl(
                    Role.CUSTOMER,
                    _ASK,
                    order=ids.encode("Order", order_id),
                    key=f"try-{uuid4().hex[:12]}",
                    note="颜色拍错了",
                ),
            )
            yield (
                "Follow it: a moment later the money is back.",
                self._curl(Role.CUSTOMER, _FOLLOW, number=number),
            )
        yield (
            "Be an agent: see what waits for first review.",
            self._curl(Role.AGENT, _QUEUE, status=["REVIEW"]),
        )

    def _curl(self, role: Role, query: str, **variables: object) -> str:
        """A command for any shell; nothing in it needs more than single quotes."""
        quoted = json.dumps(variables, ensure_ascii=False)
        return (
            f"curl -s {self.graphql} -H 'Content-Type: application/json' \\\n"
            f"  -H 'Accept-Language: en' -H 'Authorization: Bearer {self.tokens[role]}' \\\n"
            f'  -d \'{{"variables": {quoted},\n'
            f'       "query": {json.dumps(query, ensure_ascii=False)}}}\''
        )


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if not parts.password:
        return url
    return url.replace(f":{parts.password}@", ":***@", 1)


_MORE = """
[bold]More orders of the same customer[/]
SO-TRY-DELIVERED waits for a person · SO-TRY-PARTLY is split in two · SO-TRY-TOO-LATE is refused
SO-TRY-TIMEOUT: the bank pays and does not answer · SO-TRY-REFUSED: it refuses once, try again
SO-TRY-UNCLEAR: nobody but a person can tell

[bold]中文[/] 以上命令复制即可运行；把 Accept-Language 改为 zh，返回的状态与时间线即为中文。
[dim]Ctrl-C stops the API, the worker and the database · 按 Ctrl-C 全部停止[/]"""
