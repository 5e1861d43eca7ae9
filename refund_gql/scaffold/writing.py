"""Fills in the templates."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from packaging.version import Version

from refund_gql import __version__
from refund_gql.providers import PLUGIN_API, ProviderKind
from refund_gql.scaffold.naming import Naming

TEMPLATES = Path(__file__).parent / "templates"
_SUFFIX = ".jinja"
"""Of the files to fill in; any other is copied as it is."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """What the templates say about a kind."""

    base: str
    suffix: str
    """What the class ends in."""
    hook: str
    noun: str
    purpose: str
    limits: str
    signed: bool = False
    """It sends webhooks."""


KINDS: Mapping[ProviderKind, Words] = {
    ProviderKind.GATEWAY: Words(
        base="PaymentGateway",
        suffix="Gateway",
        hook="register_gateways",
        noun="payment gateway",
        purpose="refunds through its API",
        limits="CNY, EUR, JPY, KWD and USD. A refund number, of at most 64 characters, pays once.",
        signed=True,
    ),
    ProviderKind.COURIER: Words(
        base="Courier",
        suffix="Courier",
        hook="register_couriers",
        noun="courier",
        purpose="tracking and pickups through its API",
        limits="A parcel is asked about every 30 minutes at most; webhooks are quicker. No quotes.",
        signed=True,
    ),
    ProviderKind.CRM: Words(
        base="Crm",
        suffix="Crm",
        hook="register_crms",
        noun="CRM system",
        purpose="risk signals, tiers and flags of customers through its API",
        limits="Customers are found by the shop's reference only. No coupons, points or reviews.",
    ),
    ProviderKind.NOTIFIER: Words(
        base="Notifier",
        suffix="Notifier",
        hook="register_notifiers",
        noun="notification channel",
        purpose="e-mails through its API",
        limits="Plain text of at most 20,000 characters, to customers with an e-mail address.",
    ),
}


def write(kind: ProviderKind, name: str, folder: Path) -> Path:
    """Write a new plugin into `folder`; returns the package's own folder in it.

    Raises InvalidName, and FileExistsError when there is such a folder already: nothing is
    written then.
    """
    naming = Naming(name)
    target = folder / naming.distribution
    target.mkdir(parents=True)
    values = _values(kind, naming)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - it writes Python, and the name has been checked
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for template, place in _files(kind, naming):
        file = target / place
        file.parent.mkdir(parents=True, exist_ok=True)
        if template.suffix == _SUFFIX:
            found = environment.get_template(template.relative_to(TEMPLATES).as_posix())
            file.write_text(found.render(values), "utf-8")
        else:
            file.write_bytes(template.read_bytes())
    return target


def _values(kind: ProviderKind, naming: Naming) -> dict[str, Any]:
    return {
        **vars(KINDS[kind]),
        "kind": kind.lower(),
        "name": naming.name,
        "distribution": naming.distribution,
        "package": naming.package,
        "prefix": naming.prefix,
        "title": naming.title,
        "variables": naming.variables,
        "engine_range": compatible(__version__),
        "api_range": compatible(PLUGIN_API),
    }


def _files(kind: ProviderKind, naming: Naming) -> Iterator[tuple[Path, str]]:
    """Each template of a kind, and where in the new package it goes."""
    for part in ("every", *(("signed",) if KINDS[kind].signed else ()), kind.lower()):
        root = TEMPLATES / part
        for template in sorted(path for path in root.rglob("*") if path.is_file()):
            place = template.relative_to(root).as_posix().removesuffix(_SUFFIX)
            yield template, place.replace("PACKAGE", naming.package)


def compatible(version: str) -> str:
    """The range from this version up to the next that may break: `>=0.1,<0.2`, `>=1.4,<2`."""
    found = Version(version)
    lowest = f"{found.major}.{found.minor}"
    return f">={lowest},<{found.major + 1}" if found.major else f">={lowest},<0.{found.minor + 1}"
