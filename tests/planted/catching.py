"""Which rule catches which bad provider."""

import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from refund_gql.providers import Provider, ProviderKind
from refund_gql.testing.provider import ProviderConformance

PLANTED: dict[ProviderKind, list[Any]] = defaultdict(list)
CAUGHT_BY: dict[str, set[str]] = {}
"""Provider name -> the rules it breaks, and no others; none for a sound one."""
README = Path(__file__).parent / "README.md"

Bad = TypeVar("Bad", bound=type[Provider])


def sound(provider: type[Provider]) -> None:
    """Return it from the hooks; nothing may catch it."""
    PLANTED[provider.kind].append(provider)
    CAUGHT_BY[provider.name] = set()


def caught_by(tests: type[ProviderConformance], *rule_ids: str) -> Callable[[Bad], Bad]:
    """Run these tests over the bad provider as well, and expect these rules to fail."""

    def plant(bad: Bad) -> Bad:
        PLANTED[bad.kind].append(bad)
        CAUGHT_BY[bad.name] = set(rule_ids)
        name = f"Planted{bad.__name__}"
        collected = type(name, (tests,), {"provider": bad, "__module__": bad.__module__})
        setattr(sys.modules[bad.__module__], name, collected)
        return bad

    return plant
