"""What an author's class of tests consists of, before any rule."""

import asyncio
import inspect
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, NoReturn, TypeVar, cast

import pytest

from refund_gql.providers import Provider, ProviderKind
from refund_gql.testing.accounts import Account
from refund_gql.testing.faults import On
from refund_gql.testing.rules import RULES, page

Test = TypeVar("Test", bound=Callable[..., Any])


def rule(rule_id: str) -> Callable[[Test], Test]:
    """Mark a test as a proof of a rule; its tier follows from the table and the kind."""
    if rule_id not in RULES:
        raise ValueError(f"{rule_id!r} is not in the table of rules")

    def mark(test: Test) -> Test:
        marked = pytest.mark.conformance(rule_id)(test)
        if inspect.iscoroutinefunction(test):
            # A loop of its own, so that what blocks it or is left on it is the provider's.
            marked = pytest.mark.asyncio(loop_scope="function")(marked)
        return cast(Test, marked)

    return mark


def missing(rule_id: str, what: str) -> NoReturn:
    """Fail a test for something that its author has still to write."""
    pytest.fail(
        f"{rule_id}: {what}\nRead {page(rule_id)}, or waive the rule: "
        f'waivers = {{"{rule_id}": "why it does not apply"}}',
        pytrace=False,
    )


class Suite:
    """Base of the four classes of tests: subclass that of your kind, not this one."""

    kind: ClassVar[ProviderKind]
    provider: ClassVar[type[Provider]]
    """The class under test."""
    settings: ClassVar[Mapping[str, Any]] = {}
    """Values of `Settings` that work with the simulated account."""
    bad_settings: ClassVar[Mapping[str, Any]]
    """Well-formed values that the simulated account refuses."""
    waivers: ClassVar[Mapping[str, str]] = {}
    """Rule id -> why it does not apply. Caps the tier below the rule's."""
    package: ClassVar[str] = ""
    """The import package of the plugin; that of `provider`, if it is not given."""
    plugin_module: ClassVar[str] = ""
    """The module with the hooks; found through the entry points, if it is not given."""
    readme: ClassVar[Path | None] = None
    recordings: ClassVar[Path | None] = None

    @pytest.fixture
    def account(self) -> Account:
        """A fresh simulated account. To be written by the author."""
        pytest.fail(
            f"{type(self).__name__} has no fixture `account`. Write one that returns a simulated "
            "account of your provider, a `Simulator` if it speaks HTTP: read docs/conformance.md",
            pytrace=False,
        )

    @pytest.fixture(autouse=True)
    def _provider_is_named(self) -> None:
        if not hasattr(self, "provider"):
            pytest.fail(
                f"{type(self).__name__} names no `provider`: the class under test", pytrace=False
            )

    def connect(self, account: Any, settings: Any) -> Provider:
        """The provider, connected to the account; `settings` is an instance of `Settings`.

        Override it unless the constructor takes `transport`.
        """
        if not hasattr(account, "transport"):
            pytest.fail(
                f"{type(self).__name__} must override `connect(account, settings)`: its account "
                "is no `Simulator`, so the kit does not know how to reach it",
                pytrace=False,
            )
        make = cast(Callable[..., Provider], self.provider)
        return make(settings, transport=account.transport)

    @abstractmethod
    async def call(self, provider: Any, account: Any, on: On) -> object:
        """Make one typical call, with values never used before."""

    def ways(self, provider: Any) -> tuple[On, ...]:
        """The sorts of calls this provider has."""
        return (On.ACTIONS, On.READS)

    def effects(self, account: Any) -> object:
        """All that was done in the account so far, as a value that compares."""
        raise NotImplementedError

    @asynccontextmanager
    async def opened(
        self, account: Any, values: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Any]:
        """The provider with these settings, closed afterwards."""
        chosen = self.settings if values is None else values
        provider = self.connect(account, self.provider.Settings.model_validate(chosen))
        try:
            yield provider
        finally:
            await provider.aclose()

    def declared(self, name: str, rule_id: str, what: str) -> Any:
        """An attribute the author declares; fails the test with instructions without it."""
        if not hasattr(self, name):
            missing(rule_id, f"{type(self).__name__} declares no `{name}`: {what}.")
        return getattr(self, name)

    @property
    def import_package(self) -> str:
        """The name of the package that holds the provider."""
        return self.package or self.provider.__module__.partition(".")[0]


async def eventually(condition: Callable[[], bool]) -> None:
    """Return once the condition holds; the author's time limit ends what never does."""
    while not condition():  # noqa: ASYNC110 - the accounts of third parties have no events
        await asyncio.sleep(0.001)
