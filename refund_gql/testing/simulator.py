"""A simulated provider behind HTTP, and the transport that makes the way to it unreliable."""

import asyncio
from abc import abstractmethod

import httpx2

from refund_gql.testing.accounts import Account
from refund_gql.testing.faults import RETRY_AFTER, Fault, On

GARBAGE = b"<html><body>502 upstream \xff\xfe"


class Simulator(Account):
    """What the provider's server would do. Mix it with the account of your kind:

    `class AcmeBank(Simulator, GatewayAccount)`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fault: Fault | None = None
        self.fault_on = On.ACTIONS
        self.connected: set[FaultyTransport] = set()
        self.seen: list[httpx2.Request] = []

    @abstractmethod
    def handle(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request as the provider would, bad credentials included. The body has been
        read: `request.content`."""

    @abstractmethod
    def unrecognised(self, answer: httpx2.Response) -> httpx2.Response:
        """The same answer with a status word that the provider's documents do not have."""

    def acts(self, request: httpx2.Request) -> bool:
        """Whether the request asks for an effect: faults on actions strike these only.

        Everything but GET and HEAD; override it when log-ins or queries are posted as well.
        """
        return request.method not in {"GET", "HEAD"}

    @property
    def transport(self) -> httpx2.AsyncBaseTransport:
        """A new way to this account; hand it to the provider's client."""
        return FaultyTransport(self)

    def inject(self, fault: Fault | None, on: On) -> None:
        """Let the fault strike on the way."""
        self.fault, self.fault_on = fault, on

    def strikes(self, request: httpx2.Request) -> Fault | None:
        """The fault this request meets. A fault on reads strikes whatever is sent meanwhile."""
        if self.fault_on is On.ACTIONS and not self.acts(request):
            return None
        return self.fault

    def requests(self) -> int:
        """All requests so far, those included that never arrived."""
        return len(self.seen)

    def actions(self) -> int:
        """The requests for an effect so far, those included that never arrived."""
        return sum(map(self.acts, self.seen))

    def open_clients(self) -> int:
        """The transports that were used and not closed."""
        return len(self.connected)


class FaultyTransport(httpx2.AsyncBaseTransport):
    """The way to a simulator; what goes wrong is for the simulator's `fault` to say."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises the transport errors of httpx2 that the fault stands for."""
        await request.aread()
        self.simulator.connected.add(self)
        self.simulator.seen.append(request)
        fault = self.simulator.strikes(request)
        # The others get their turn on either side of the effect, as on a real network.
        await asyncio.sleep(0)
        if fault is not None and not fault.has_effect:
            return _refused(fault, request)
        answer = self.simulator.handle(request)
        await asyncio.sleep(0)
        answer.request = request
        return answer if fault is None else await self._spoilt(answer, fault)

    async def aclose(self) -> None:
        """Note that the client was closed."""
        self.simulator.connected.discard(self)

    async def _spoilt(self, answer: httpx2.Response, fault: Fault) -> httpx2.Response:
        request = answer.request
        match fault:
            case Fault.TIMEOUT_AFTER:
                raise httpx2.ReadTimeout("simulated", request=request)
            case Fault.RESET_AFTER:
                raise httpx2.RemoteProtocolError("simulated", request=request)
            case Fault.ERROR_AFTER:
                return httpx2.Response(500, content=GARBAGE)
            case Fault.TRUNCATED:
                return _cut_off(answer)
            case Fault.GARBLED:
                return httpx2.Response(200, content=GARBAGE)
            case Fault.HANG_AFTER:
                await asyncio.Event().wait()
        return self.simulator.unrecognised(answer)


def _refused(fault: Fault, request: httpx2.Request) -> httpx2.Response:
    match fault:
        case Fault.CONNECTION_REFUSED:
            raise httpx2.ConnectError("simulated", request=request)
        case Fault.TIMEOUT_BEFORE:
            raise httpx2.ReadTimeout("simulated", request=request)
        case Fault.RATE_LIMITED:
            wait = str(int(RETRY_AFTER.total_seconds()))
            return httpx2.Response(429, headers={"retry-after": wait}, json={})
    return httpx2.Response(500, content=GARBAGE)


def _cut_off(answer: httpx2.Response) -> httpx2.Response:
    if len(answer.content) < 2:
        # Nothing to cut: the connection goes instead.
        raise httpx2.RemoteProtocolError("simulated", request=answer.request)
    half = answer.content[: len(answer.content) // 2]
    return httpx2.Response(answer.status_code, content=half)
