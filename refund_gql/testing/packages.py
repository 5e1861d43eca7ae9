"""What can be seen of a plugin's package without calling its provider."""

import ast
import re
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

from refund_gql.providers import Provider, ProviderKind
from refund_gql.providers.conformance import sources

HOOKS = {
    ProviderKind.GATEWAY: "register_gateways",
    ProviderKind.COURIER: "register_couriers",
    ProviderKind.CRM: "register_crms",
    ProviderKind.NOTIFIER: "register_notifiers",
}
_HEADINGS = {"Settings": "设置", "Limits": "限制", "Sandbox": "沙箱"}
_SECRET_WORD = re.compile(
    r"(?:^|_)(?:key|secret|token|password|passphrase|credentials?|pin)s?(?:_|$)"
)
_NO_SECRET = re.compile(
    r"^public_|_(?:id|ids|name|url|uri|path|file|serial|seconds|minutes|days|count|limit)$"
)


def plugin_of(package: str) -> ModuleType | None:
    """The module with the hooks of an import package, by its entry point; None without any."""
    for entry in entry_points(group="refund_gql"):
        if entry.module.partition(".")[0] == package.partition(".")[0]:
            module: ModuleType = entry.load()
            return module
    return None


def classes(module: ModuleType, kind: ProviderKind) -> list[type[Provider]]:
    """What the module's hook for a kind returns; nothing without a marked hook."""
    hook: Any = getattr(module, HOOKS[kind], None)
    return list(hook()) if hasattr(hook, "refund_gql_impl") else []


def namesakes(provider: type[Provider]) -> list[str]:
    """Other installed provider classes with the same name, and who brings them."""
    found = []
    for entry in sorted(entry_points(group="refund_gql"), key=lambda one: one.name):
        for other in _provided(entry):
            if other is not provider and getattr(other, "name", None) == provider.name:
                owner = entry.dist.name if entry.dist else entry.value
                found.append(f"{other.__module__}.{other.__qualname__} of {owner}")
    return found


def _provided(entry: Any) -> list[type[Provider]]:
    try:
        module = entry.load()
        return [one for kind in ProviderKind for one in classes(module, kind)]
    except Exception:
        # Somebody else's broken plugin is not this one's failure; the engine shows it.
        return []


def readme_of(test_file: Path) -> Path | None:
    """The README.md beside the nearest pyproject.toml above a test file."""
    for folder in test_file.resolve().parents:
        if (folder / "pyproject.toml").exists():
            return folder / "README.md"
    return None


def headings_missing(readme: str) -> list[str]:
    """The required headings that a README does not have, in either language."""
    found = re.findall(r"^#+\s+(.+?)\s*$", readme, flags=re.MULTILINE)
    return [
        english
        for english, chinese in _HEADINGS.items()
        if not any(english.lower() in one.lower() or chinese in one for one in found)
    ]


def settings_missing(readme: str, provider: type[Provider]) -> list[str]:
    """The settings a README names neither by field nor by environment variable."""
    prefix = f"REFUND_GQL_{provider.name.upper().replace('-', '_')}_"
    return [
        name
        for name in provider.Settings.model_fields
        if f"`{name}`" not in readme and f"`{prefix}{name.upper()}`" not in readme
    ]


def unmarked_secrets(settings: type[BaseModel]) -> list[str]:
    """Fields that are named like secrets and are not typed as such."""
    return [
        name
        for name, field in settings.model_fields.items()
        if _SECRET_WORD.search(name)
        and not _NO_SECRET.search(name)
        and not _holds_secret(field.annotation)
    ]


def _holds_secret(annotation: Any) -> bool:
    if annotation in (SecretStr, SecretBytes):
        return True
    return any(_holds_secret(inner) for inner in getattr(annotation, "__args__", ()))


def ships_types(folder: Path) -> bool:
    """Whether the package, or one around it, has a `py.typed`."""
    while (folder / "__init__.py").exists():
        if (folder / "py.typed").exists():
            return True
        folder = folder.parent
    return False


def unannotated(folder: Path) -> list[str]:
    """Functions with an argument or an answer that has no type: file, line and name."""
    found = []
    for file in sources(folder):
        for node in ast.walk(ast.parse(file.read_bytes(), filename=str(file))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _typed(node):
                found.append(f"{file.relative_to(folder)}:{node.lineno}: {node.name}")
    return found


def _typed(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    if positional and positional[0].arg in {"self", "cls"}:
        positional = positional[1:]
    rest = [one for one in (given.vararg, given.kwarg) if one is not None]
    everything = [*positional, *given.kwonlyargs, *rest]
    return function.returns is not None and all(one.annotation for one in everything)
