"""URLs that tenants choose: only public addresses over HTTPS, and nothing is sent elsewhere."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import example, given
from hypothesis.strategies import text

from refund_gql.outbox.guard import (
    MAX_ANSWER,
    Answer,
    Flaw,
    Forbidden,
    Guard,
    NoAnswer,
    NotTrusted,
    TimedOut,
    kind_of,
)

PUBLIC = "93.184.216.34"
NAME = "hooks.example.com"
URL = f"https://{NAME}/in"


@dataclass
class Wire(httpx2.AsyncBaseTransport):
    """Records every request that would leave the machine, and answers it."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: httpx2.AsyncByteStream = field(default_factory=lambda: httpx2.ByteStream(b""))
    silent: Sequence[str] = ()
    """Addresses that take no connection."""
    sent: list[httpx2.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host in self.silent:
            raise httpx2.ConnectError("refused")
        self.sent.append(request)
        return httpx2.Response(self.status, headers=self.headers, stream=self.body)


@dataclass
class Names:
    """A name server: each lookup of a name takes its next answer, the last one for good."""

    answers: Mapping[str, Sequence[Sequence[str]]]
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        turn = sum(name == host for name, _ in self.asked)
        self.asked.append((host, port))
        if host not in self.answers:
            raise OSError("no such name")
        return self.answers[host][min(turn, len(self.answers[host]) - 1)]


def guard(names: Names, wire: Wire, *, private_networks: bool = False) -> Guard:
    return Guard(resolve=names, connect=lambda: wire, private_networks=private_networks)


def only(*addresses: str) -> Names:
    return Names({NAME: [addresses]})


async def send(guarded: Guard, url: str = URL) -> Answer:
    return await guarded.post(url, headers={"x-own": "1"}, content=b"{}")


# --- addresses --------------------------------------------------------------------------------

FORBIDDEN = {
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "::1": "loopback",
    "10.0.0.1": "private",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.168.0.1": "private",
    "fc00::1": "private",
    "fd00:ec2::254": "private",
    "100.64.0.1": "carrier NAT",
    "100.100.100.200": "carrier NAT",
    "169.254.169.254": "link-local",
    "169.254.0.23": "link-local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "2606:4700::1111%eth0": "link-local",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "ff02::1": "multicast",
    "0.0.0.0": "unspecified",  # noqa: S104 - never called
    "0.1.2.3": "unspecified",
    "::": "unspecified",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "192.0.0.8": "protocol assignments, Teredo",
    "192.0.0.192": "protocol assignments, Teredo",
    "2001:0:7f00:1::": "protocol assignments, Teredo",
    "2001:10::1": "protocol assignments, Teredo",
    "192.88.99.1": "relays and sinks",
    "198.18.0.1": "benchmarks",
    "192.0.2.1": "documentation",
    "198.51.100.7": "documentation",
    "203.0.113.7": "documentation",
    "2001:db8::1": "documentation",
    "3fff::1": "documentation",
    "168.63.129.16": "cloud platform",
    # An address inside an address.
    "::ffff:127.0.0.1": "loopback",
    "::ffff:169.254.169.254": "link-local",
    "::ffff:168.63.129.16": "cloud platform",
    "2002:7f00:1::": "loopback",
    "2002:a9fe:a9fe::": "link-local",
    "2002:c0a8:1::": "private",
    "64:ff9b::7f00:1": "loopback",
    "64:ff9b::a9fe:a9fe": "link-local",
    "64:ff9b::a00:1": "private",
    # Outside of what is handed out for the public.
    "64:ff9b:1::7f00:1": "reserved",
    "::127.0.0.1": "reserved",
    "::2": "reserved",
    "fec0::1": "reserved",
    "100::1": "reserved",
    "5f00::1": "reserved",
    "4000::1": "reserved",
}
ALLOWED = (
    PUBLIC,
    "1.1.1.1",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "64:ff9b::808:808",
    "2002:808:808::",
    "::ffff:8.8.8.8",
)


@pytest.mark.parametrize(("address", "kind"), FORBIDDEN.items())
async def test_a_special_address_is_never_called(address: str, kind: str) -> None:
    """Behind a name, and, where a URL can say it, in the URL itself."""
    assert kind_of(ip_address(address)) == kind
    names, wire = only(address), Wire()
    with pytest.raises(Forbidden) as problem:
        await send(guard(names, wire))
    assert (problem.value.flaw, problem.value.found) == (Flaw.ADDRESS, str(ip_address(address)))
    literal = f"[{address}]" if ":" in address else address
    with pytest.raises(Forbidden) as problem:
        guard(names, wire).check(f"https://{literal}/in")
    assert problem.value.flaw is Flaw.ADDRESS
    assert wire.sent == []


@pytest.mark.parametrize("address", ALLOWED)
async def test_a_public_address_is_called(address: str) -> None:
    wire = Wire()
    assert (await send(guard(only(address), wire))).status == 204
    assert [ip_address(request.url.host) for request in wire.sent] == [ip_address(address)]


@pytest.mark.parametrize(
    "addresses",
    [
        (PUBLIC, "10.0.0.1"),
        ("10.0.0.1", PUBLIC),
        (PUBLIC, "::1"),
        ("2606:4700:4700::1111", PUBLIC, "169.254.169.254"),
    ],
)
async def test_one_private_record_condemns_the_name(addresses: Sequence[str]) -> None:
    wire = Wire()
    with pytest.raises(Forbidden):
        await send(guard(only(*addresses), wire))
    assert wire.sent == []


# --- names and URLs ---------------------------------------------------------------------------

ODD_SPELLINGS = ("2130706433", "0177.0.0.1", "0x7f.1", "127.1", "0x7f000001", "017700000001",
                 "127.0.0.1.", "1.0x7f", "localhost", "localhost.", "redis", "a..example",
                 ".example.com", "%31%32%37.0.0.1", "localhost%00.example.com", "a b.example",
                 "example.com:443:80", "127.0.0.1%2f.example.com", "x" * 64 + ".example.com",
                 "a." * 126 + "com", "example.c0m_", "[::1", "①②⑦.⓪.⓪.①",
                 "127。0。0。1")  # fmt: skip


@pytest.mark.parametrize("host", ODD_SPELLINGS)
async def test_an_odd_host_is_not_even_looked_up(host: str) -> None:
    """Resolvers would read several of these as 127.0.0.1."""
    names, wire = Names({host: [[PUBLIC]]}), Wire()
    with pytest.raises(Forbidden) as problem:
        await send(guard(names, wire), f"https://{host}/in")
    assert problem.value.flaw in {Flaw.HOST, Flaw.UNREADABLE, Flaw.ADDRESS, Flaw.PORT}
    assert (names.asked, wire.sent) == ([], [])


@pytest.mark.parametrize(
    ("url", "flaw", "found"),
    [
        ("", Flaw.SCHEME, "no URL"),
        (NAME, Flaw.SCHEME, "no URL"),
        (f"//{NAME}/", Flaw.SCHEME, "no URL"),
        (f"http://{NAME}/", Flaw.SCHEME, "http"),
        (f"ftp://{NAME}/", Flaw.SCHEME, "ftp"),
        (f"wss://{NAME}/", Flaw.SCHEME, "wss"),
        ("file:///etc/passwd", Flaw.SCHEME, "file"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", Flaw.SCHEME, "gopher"),
        ("javascript:alert(1)", Flaw.SCHEME, "javascript"),
        (f"https://user@{NAME}/", Flaw.USER_INFO, "...@"),
        (f"https://user:canary@{NAME}/", Flaw.USER_INFO, "...@"),
        (f"https://:canary@{NAME}/", Flaw.USER_INFO, "...@"),
        (f"https://{NAME}@127.0.0.1/", Flaw.USER_INFO, "...@"),
        (f"https://{NAME}\\@evil.example/", Flaw.USER_INFO, "...@"),
        (f"https://{NAME}:80/", Flaw.PORT, "80"),
        (f"https://{NAME}:22/", Flaw.PORT, "22"),
        (f"https://{NAME}:6379/", Flaw.PORT, "6379"),
        (f"https://{NAME}:8080/", Flaw.PORT, "8080"),
        (f"https://{NAME}:99999/", Flaw.PORT, "99999"),
        ("https://", Flaw.HOST, "no host"),
        ("https:///in", Flaw.HOST, "no host"),
        ("https://127.1/", Flaw.HOST, "127.1"),
        (f"https://{NAME}/\n", Flaw.UNREADABLE, f"https://{NAME}/\n"),
        (f"https://{NAME}:port/", Flaw.UNREADABLE, f"https://{NAME}:port/"),
    ],
)
async def test_a_url_that_is_not_called(url: str, flaw: Flaw, found: str) -> None:
    names, wire = only(PUBLIC), Wire()
    with pytest.raises(Forbidden) as problem:
        await send(guard(names, wire), url)
    assert (problem.value.flaw, problem.value.found) == (flaw, found)
    assert "canary" not in f"{problem.value!r} {problem.value}"
    assert (names.asked, wire.sent) == ([], [])


@pytest.mark.parametrize(
    ("url", "port", "host"),
    [
        (URL, 443, NAME),
        (f"https://{NAME.upper()}:443/in", 443, NAME),
        (f"https://{NAME}:8443/in?key=1", 8443, f"{NAME}:8443"),
        ("https://bücher.example/", 443, "xn--bcher-kva.example"),
    ],
)
async def test_the_name_stays_in_sni_and_host(url: str, port: int, host: str) -> None:
    name = host.partition(":")[0]
    names, wire = Names({name: [[PUBLIC]]}), Wire()
    await send(guard(names, wire), url)
    [request] = wire.sent
    assert names.asked == [(name, port)]
    assert request.url == httpx2.URL(url).copy_with(host=PUBLIC)
    assert request.headers.raw == [(b"Host", host.encode()), (b"x-own", b"1"),
                                   (b"Content-Length", b"2")]  # fmt: skip
    assert request.extensions["sni_hostname"] == name


@given(text())
@example("https://\ud800.example/")
@example("https://hooks.example/\ud800")
@example("https://[" + ":" * 100 + "]/")
@example("https://hooks.example.com:" + "9" * 5000)
def test_any_text_is_a_url_or_forbidden(content: str) -> None:
    for url in (content, f"https://{content}", f"https://{NAME}{content}", f"{URL}{content}"):
        with suppress(Forbidden):
            checked = Guard().check(url)
            assert (checked.scheme, checked.userinfo) == ("https", b"")
            assert (checked.port or 443) in (443, 8443)


# --- names that change ------------------------------------------------------------------------


async def test_a_name_is_asked_once_per_call() -> None:
    """The second answer, which would lead inside, is never heard."""
    names, wire = Names({NAME: [[PUBLIC], ["127.0.0.1"]]}), Wire()
    await send(guard(names, wire))
    assert (len(names.asked), [request.url.host for request in wire.sent]) == (1, [PUBLIC])


async def test_a_name_is_checked_at_every_call() -> None:
    """It was public when the URL was stored, and at the first delivery."""
    names, wire = Names({NAME: [[PUBLIC], ["10.0.0.1"]]}), Wire()
    guarded = guard(names, wire)
    guarded.check(URL)
    await send(guarded)
    with pytest.raises(Forbidden):
        await send(guarded)
    assert (len(names.asked), len(wire.sent)) == (2, 1)


async def test_the_next_address_is_tried_when_one_takes_no_connection() -> None:
    first, second = "2606:4700:4700::1111", PUBLIC
    wire = Wire(silent=[first])
    assert (await send(guard(only(first, second), wire))).status == 204
    assert [request.url.host for request in wire.sent] == [second]


@pytest.mark.parametrize("names", [only(), Names({}), only(PUBLIC)])
async def test_nobody_answers(names: Names) -> None:
    wire = Wire(silent=[PUBLIC])
    with pytest.raises(NoAnswer) as problem:
        await send(guard(names, wire))
    assert type(problem.value) is NoAnswer


# --- answers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1/", "https://127.0.0.1/", "https://169.254.169.254/latest/meta-data/",
     "https://10.0.0.1/", "https://[::1]/", "https://[64:ff9b::a9fe:a9fe]/", "file:///etc/passwd",
     "gopher://127.0.0.1:6379/", f"https://{NAME}/elsewhere", "/elsewhere"],
)  # fmt: skip
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_not_followed(status: int, target: str) -> None:
    names, wire = only(PUBLIC), Wire(status=status, headers={"location": target})
    assert (await send(guard(names, wire))).status == status
    assert (len(names.asked), len(wire.sent)) == (1, 1)


class Flood(httpx2.AsyncByteStream):
    """An answer without an end."""

    def __init__(self) -> None:
        self.given = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.given += 1000
            yield b"x" * 1000

    async def aclose(self) -> None:
        self.closed = True


async def test_a_huge_answer_is_cut_off() -> None:
    flood = Flood()
    answer = await send(guard(only(PUBLIC), Wire(body=flood)))
    assert answer == Answer(status=204, headers={})
    assert MAX_ANSWER <= flood.given < MAX_ANSWER + 1000
    assert flood.closed


class Stall(httpx2.AsyncByteStream):
    """An answer that stops in the middle, or breaks."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"x"
        if self.error is not None:
            raise self.error
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        self.closed = True


@pytest.mark.parametrize("stall", [Stall(), Stall(httpx2.ReadError("reset"))])
async def test_a_status_stands_whatever_becomes_of_the_body(stall: Stall) -> None:
    wire = Wire(body=stall)
    guarded = Guard(resolve=only(PUBLIC), connect=lambda: wire, seconds=0.05)
    assert (await send(guarded)).status == 204
    assert stall.closed


async def test_a_slow_name_server_is_not_waited_for() -> None:
    async def forever(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        raise AssertionError

    wire = Wire()
    with pytest.raises(TimedOut):
        await send(Guard(resolve=forever, connect=lambda: wire, seconds=0.05))
    assert wire.sent == []


# --- private networks, on purpose -------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000/", "https://[::1]:9000/", "http://192.168.1.2/", "http://10.0.0.1/",
     "http://[fd00::1]:81/", "http://localhost:3000/", "http://receiver/", URL],
)  # fmt: skip
async def test_for_development_private_addresses_are_called(url: str) -> None:
    names = Names({"localhost": [["127.0.0.1"]], "receiver": [["172.16.0.9"]], NAME: [[PUBLIC]]})
    wire = Wire()
    assert (await send(guard(names, wire, private_networks=True), url)).status == 204
    assert len(wire.sent) == 1


async def test_a_real_name_and_a_real_server() -> None:
    """With the resolver and the transport of every call."""
    async with http_server() as (port, requests):
        answer = await send(Guard(private_networks=True), f"http://localhost:{port}/in")
    assert (answer.status, len(requests)) == (204, 1)


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/", "http://168.63.129.16/", "http://100.100.100.200/",
     "http://metadata/", "http://[64:ff9b::a9fe:a9fe]/", "http://224.0.0.1/", "http://0.0.0.0/",
     "ftp://127.0.0.1/", "http://user@127.0.0.1/"],
)  # fmt: skip
async def test_not_even_for_development(url: str) -> None:
    names, wire = Names({"metadata": [["169.254.169.254"]]}), Wire()
    with pytest.raises(Forbidden):
        await send(guard(names, wire, private_networks=True), url)
    assert wire.sent == []


# --- over real TLS ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Certificates:
    """A server's certificate for one name, and who trusts it."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def certificates(folder: Path, name: str) -> Certificates:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = folder / "server.pem"
    chain.write_bytes(private + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    return Certificates(server, ssl.create_default_context(cadata=pem.decode()))


class Detour(httpx2.AsyncBaseTransport):
    """Carries what is meant for a public address to a port of this machine, and tells."""

    def __init__(self, port: int, trust: ssl.SSLContext) -> None:
        self.port = port
        self.called: list[str] = []
        self._inner = httpx2.AsyncHTTPTransport(verify=trust)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.called.append(request.url.host)
        here = request.url.copy_with(host="127.0.0.1", port=self.port)
        return await self._inner.handle_async_request(
            httpx2.Request(
                request.method,
                here,
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


@asynccontextmanager
async def tls_server(context: ssl.SSLContext) -> AsyncIterator[tuple[int, list[bytes], list[str]]]:
    """The port, the requests it got, and the names asked for in SNI."""
    names: list[str] = []
    context.sni_callback = lambda socket, name, context: names.append(name)
    async with http_server(context) as (port, requests):
        yield port, requests, names


@asynccontextmanager
async def http_server(
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """The port of a server that answers 204, and the requests it got."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], requests


async def test_the_certificate_is_the_names(tmp_path: Path) -> None:
    trust = certificates(tmp_path, NAME)
    async with tls_server(trust.server) as (port, requests, names):
        detour = Detour(port, trust.client)
        answer = await send(Guard(resolve=only(PUBLIC), connect=lambda: detour))
    assert (answer.status, detour.called, names) == (204, [PUBLIC], [NAME])
    head = b"POST /in HTTP/1.1\r\nHost: hooks.example.com\r\n"
    assert [request.startswith(head) for request in requests] == [True]


async def test_a_certificate_for_another_name_ends_the_call(tmp_path: Path) -> None:
    trust = certificates(tmp_path, "other.example.com")
    async with tls_server(trust.server) as (port, requests, names):
        detour = Detour(port, trust.client)
        with pytest.raises(NotTrusted):
            await send(Guard(resolve=only(PUBLIC), connect=lambda: detour))
    assert (requests, names) == ([], [NAME])
