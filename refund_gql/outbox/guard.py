"""Calls to URLs that tenants choose: over HTTPS, to public addresses, and nowhere else.

A URL is checked when it is stored and again at every call; the name is resolved once per call,
every address it has must be public, and the connection goes to the very address that was
checked, with the name in SNI and `Host`. No redirect is followed, no cookie kept, no proxy of
the environment asked, and of an answer nothing leaves this module but status and headers.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpx2

from refund_gql.settings import Settings

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host name and a port to the addresses of the name; raises OSError."""

SECONDS = 10.0
"""For everything: the name, the connection, the answer."""
CONNECT_SECONDS = 3.0
"""For one address, so that a silent one leaves time for the next."""
MAX_ANSWER = 64 * 1024
"""Bytes of an answer's body that are read, and thrown away."""
PORTS = frozenset({443, 8443})


class Flaw(StrEnum):
    """Why a URL is not called."""

    UNREADABLE = "UNREADABLE"
    SCHEME = "SCHEME"
    USER_INFO = "USER_INFO"
    PORT = "PORT"
    HOST = "HOST"
    ADDRESS = "ADDRESS"


EXPECTED: Mapping[Flaw, Mapping[str, str]] = {
    Flaw.UNREADABLE: {"en": "a URL", "zh": "有效的网址"},
    Flaw.SCHEME: {"en": "a URL that starts with https://", "zh": "以 https:// 开头的网址"},
    Flaw.USER_INFO: {"en": "no user name or password in it", "zh": "网址中不含用户名或密码"},
    Flaw.PORT: {"en": "port 443 or 8443", "zh": "端口 443 或 8443"},
    Flaw.HOST: {
        "en": "a full host name such as hooks.example.com",
        "zh": "完整的域名，例如 hooks.example.com",
    },
    Flaw.ADDRESS: {"en": "a public address", "zh": "公网地址"},
}
"""Flaw -> locale -> what would be called."""


class Forbidden(Exception):
    """A URL, or an address behind its name, that is never called. Nothing was sent."""

    def __init__(self, flaw: Flaw, found: str) -> None:
        super().__init__(f"not called: {flaw}")
        self.flaw = flaw
        self.found = found
        """The part of the URL that has the flaw; never a password."""


class NoAnswer(Exception):
    """The server could not be reached, or hung up without a status."""


class TimedOut(NoAnswer):
    """There was no status in time."""


class NotTrusted(NoAnswer):
    """No TLS connection: for instance the certificate is not valid for the name."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server said, without the body."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""


# --- addresses --------------------------------------------------------------------------------

_LOOPBACK, _PRIVATE = "loopback", "private"
_RANGES = tuple(
    (ip_network(network), kind)
    for kind, networks in {
        _LOOPBACK: ("127.0.0.0/8", "::1/128"),
        _PRIVATE: ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
        "carrier NAT": ("100.64.0.0/10",),
        "link-local": ("169.254.0.0/16", "fe80::/10"),
        "multicast": ("224.0.0.0/4", "ff00::/8"),
        "unspecified": ("0.0.0.0/8", "::/128"),
        "reserved": ("240.0.0.0/4",),
        "protocol assignments, Teredo": ("192.0.0.0/24", "2001::/23"),
        "relays and sinks": ("192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
                             "192.175.48.0/24", "2620:4f:8000::/48"),
        "benchmarks": ("198.18.0.0/15",),
        "documentation": ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",
                          "2001:db8::/32", "3fff::/20"),
        "cloud platform": ("168.63.129.16/32",),
    }.items()
    for network in networks
)  # fmt: skip
"""Not `ipaddress.is_global`: it calls several of these global."""
_UNICAST = ip_network("2000::/3")
"""All of IPv6 that is handed out for the public; whatever lies outside is refused unnamed."""
_NAT64 = ip_network("64:ff9b::/96")


def kind_of(address: Address) -> str:
    """`public`, or the class of special address; one inside another address counts itself."""
    target = _embedded(address) or address
    if isinstance(target, IPv6Address) and target.scope_id is not None:
        return "link-local"
    for network, kind in _RANGES:
        if target in network:
            return kind
    return "public" if target.version == 4 or target in _UNICAST else "reserved"


def _embedded(address: Address) -> IPv4Address | None:
    """The IPv4 address that mapped, 6to4 and NAT64 addresses lead to."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


# --- names ------------------------------------------------------------------------------------

_NAME = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_-]{1,63}\.)+(?![0-9])[a-z0-9-]{2,63}")
"""At least two labels, the last one no number: resolvers read `127.1` and `0x7f.1` as
addresses."""


_lookups = ThreadPoolExecutor(max_workers=8, thread_name_prefix="guard-lookup")
"""Threads of its own: a lookup that hangs outlives its call, and must not keep others waiting
who need a thread, such as logins."""


async def _resolve(host: str, port: int) -> Sequence[str]:
    lookup = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_lookups, lookup)
    return [str(sockaddr[0]) for *_, sockaddr in found]


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


# --- calls ------------------------------------------------------------------------------------


@cache
def _trust() -> ssl.SSLContext:
    return httpx2.create_ssl_context()  # reads all certificates: once per process


def _transport() -> httpx2.AsyncBaseTransport:
    return httpx2.AsyncHTTPTransport(verify=_trust())


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Checks URLs and calls them."""

    private_networks: bool = False
    """Also call http, any port, loopback and private addresses. Unsafe where tenants are
    strangers; for development and tests."""
    resolve: Resolve = _resolve
    connect: Callable[[], httpx2.AsyncBaseTransport] = _transport
    """Makes what carries one call; it only ever sees addresses, never names to resolve."""
    seconds: float = SECONDS

    def check(self, text: str) -> httpx2.URL:
        """The URL, as far as it can be judged without asking for its name. Raises Forbidden."""
        try:
            url = httpx2.URL(text)
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise Forbidden(Flaw.UNREADABLE, text[:40]) from error
        if url.scheme not in ("https", *(["http"] if self.private_networks else [])):
            raise Forbidden(Flaw.SCHEME, url.scheme or "no URL")
        if url.userinfo:
            raise Forbidden(Flaw.USER_INFO, "...@")
        if not self.private_networks and (url.port or 443) not in PORTS:
            raise Forbidden(Flaw.PORT, str(url.port))
        self._check_host(url.raw_host.decode("ascii"))
        return url

    async def post(self, text: str, *, headers: Mapping[str, str], content: bytes) -> Answer:
        """Send `content` and hear the status. Raises Forbidden, TimedOut, NotTrusted, NoAnswer.

        Once there is a status it stands, whatever becomes of the answer's body.
        """
        url, answer = self.check(text), None
        request = httpx2.Request("POST", url, headers=headers, content=content)
        try:
            async with asyncio.timeout(self.seconds):
                addresses = await self._addresses(url)
                async with self.connect() as transport:
                    response = await _reach(transport, request, addresses)
                    answer = Answer(status=response.status_code, headers=dict(response.headers))
                    await _drain(response)
        except (TimeoutError, httpx2.TransportError, OSError) as error:
            if answer is None:
                raise _explained(error) from error
        return answer

    def _check_host(self, host: str) -> None:
        address = _literal(host)
        if address is not None:
            self._check_address(address)
        elif not self.private_networks and not _NAME.fullmatch(host):
            raise Forbidden(Flaw.HOST, host[:100] or "no host")

    def _check_address(self, address: Address) -> None:
        allowed = {"public", _LOOPBACK, _PRIVATE} if self.private_networks else {"public"}
        if kind_of(address) not in allowed:
            raise Forbidden(Flaw.ADDRESS, str(address))

    async def _addresses(self, url: httpx2.URL) -> list[Address]:
        """All addresses of the host; one that is not public condemns them all."""
        host = url.raw_host.decode("ascii")
        literal = _literal(host)
        if literal is not None:
            return [literal]
        default = 443 if url.scheme == "https" else 80
        found = [ip_address(text) for text in await self.resolve(host, url.port or default)]
        for address in found:
            self._check_address(address)
        return found


def of(settings: Settings) -> Guard:
    """The guard that the settings ask for."""
    return Guard(private_networks=settings.webhook_private_networks)


async def _reach(
    transport: httpx2.AsyncBaseTransport, request: httpx2.Request, addresses: Sequence[Address]
) -> httpx2.Response:
    """The answer of the first address that takes a connection; nothing was sent to the others."""
    failure: Exception = NoAnswer("the name has no address")
    for address in addresses:
        try:
            return await transport.handle_async_request(_directed(request, address))
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            failure = error
    raise failure


def _directed(request: httpx2.Request, address: Address) -> httpx2.Request:
    """The same request, `Host` included, to be sent to an address instead of a name."""
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions={
            "sni_hostname": request.url.raw_host.decode("ascii"),
            "timeout": {"connect": CONNECT_SECONDS},
        },
    )


async def _drain(response: httpx2.Response) -> None:
    """Let the server finish a short answer; the bytes are not even decompressed."""
    left = MAX_ANSWER
    try:
        async for chunk in response.aiter_raw():
            left -= len(chunk)
            if left <= 0:
                return
    finally:
        await response.aclose()


def _explained(error: Exception) -> NoAnswer:
    if isinstance(error, TimeoutError | httpx2.TimeoutException):
        return TimedOut()
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return NotTrusted()
        cause = cause.__cause__ or cause.__context__
    return NoAnswer()
