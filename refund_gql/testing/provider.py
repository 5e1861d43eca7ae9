"""The rules that every kind of provider keeps."""

import gc
import importlib
import inspect
import re
import traceback
import warnings
from pathlib import Path
from typing import Any

import pytest
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import SecretBytes, SecretStr, ValidationError

from refund_gql.providers import PLUGIN_API, Misconfigured, ProviderError
from refund_gql.providers.conformance import folder_of
from refund_gql.testing import loop, packages
from refund_gql.testing.accounts import Account
from refund_gql.testing.faults import RETRY_AFTER, Fault, On
from refund_gql.testing.recordings import leaks
from refund_gql.testing.rules import RULES
from refund_gql.testing.suite import Suite, missing, rule


class ProviderConformance(Suite):
    """Base of the four classes of tests: subclass that of your kind, not this one."""

    # --- the package ------------------------------------------------------------------------

    @rule("waivers-have-reasons")
    def test_waivers_have_reasons(self) -> None:
        unknown = sorted(set(self.waivers) - {one.id for one in RULES.values()})
        foreign = sorted(
            one for one in self.waivers if one in RULES and self.kind not in RULES[one].tiers
        )
        empty = sorted(one for one, reason in self.waivers.items() if not reason.strip())
        assert unknown == [], "there are no such rules"
        assert foreign == [], f"these rules are not for the kind {self.kind}"
        assert empty == [], "a waiver needs a reason"

    @rule("loads-under-its-api")
    def test_loads_under_its_api(self) -> None:
        module = self._hooks()
        wanted = getattr(module, "REFUND_GQL_API", None)
        assert isinstance(wanted, str), f"{module.__name__} declares no REFUND_GQL_API"
        try:
            specifier = SpecifierSet(wanted)
        except InvalidSpecifier:
            pytest.fail(f"REFUND_GQL_API = {wanted!r} is no version range", pytrace=False)
        assert specifier.contains(PLUGIN_API), f"written for {wanted}, this is {PLUGIN_API}"
        assert self.provider in packages.classes(module, self.kind), (
            f"{module.__name__}.{packages.HOOKS[self.kind]} does not return {self.provider}"
        )

    def _hooks(self) -> Any:
        if self.plugin_module:
            return importlib.import_module(self.plugin_module)
        found = packages.plugin_of(self.import_package)
        if found is None:
            missing(
                "loads-under-its-api",
                f'no entry point of the group "refund_gql" leads to {self.import_package}. Add '
                "one to pyproject.toml and install the package (pip install -e .), or name the "
                "module with the hooks in `plugin_module`.",
            )
        return found

    @rule("name-is-unique")
    def test_name_is_unique(self) -> None:
        name = getattr(self.provider, "name", "")
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name), f"{name!r} is no provider name"
        assert packages.namesakes(self.provider) == [], f"they are called {name!r} as well"

    @rule("readme-is-complete")
    def test_readme_is_complete(self) -> None:
        readme = self.readme or packages.readme_of(Path(inspect.getfile(type(self))))
        if readme is None or not readme.exists():
            missing("readme-is-complete", "there is no README.md beside pyproject.toml.")
        text = readme.read_text("utf-8")
        assert packages.headings_missing(text) == [], f"headings missing in {readme}"
        assert packages.settings_missing(text, self.provider) == [], f"settings not in {readme}"

    @rule("typed-throughout")
    def test_typed_throughout(self) -> None:
        folder = folder_of(self.import_package)
        if folder is None:
            missing("typed-throughout", f"{self.import_package} is not an installed package.")
        assert packages.ships_types(folder), f"no py.typed in {folder}"
        assert packages.unannotated(folder) == [], "these functions lack annotations"

    @rule("recordings-are-clean")
    def test_recordings_are_clean(self) -> None:
        folder = self.recordings or Path(inspect.getfile(type(self))).parent / "payloads"
        assert leaks(folder) == []

    # --- the settings -----------------------------------------------------------------------

    @rule("settings-are-valid")
    def test_settings_are_valid(self) -> None:
        model = self.provider.Settings
        assert model.model_json_schema(mode="validation")["type"] == "object"
        model.model_validate(self.settings)
        canary = "canary-f5b8c1d2"
        with pytest.raises(ValidationError) as refusal:
            model.model_validate({**self.settings, "no_such_field": canary})
        assert canary not in str(refusal.value), "errors show what was entered"

    @rule("settings-are-described")
    def test_settings_are_described(self) -> None:
        fields = self.provider.Settings.model_json_schema().get("properties", {})
        assert [name for name, one in fields.items() if not one.get("description")] == []

    @rule("secrets-are-marked")
    def test_secrets_are_marked(self) -> None:
        assert packages.unmarked_secrets(self.provider.Settings) == []

    @rule("secrets-stay-secret")
    async def test_secrets_stay_secret(
        self, account: Account, caplog: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        bad = self.declared("bad_settings", "secrets-stay-secret", "well-formed, and refused")
        caplog.set_level(0)
        shown: list[str] = []
        for values in (self.settings, bad):
            async with self.opened(account, values) as provider:
                shown += [repr(provider), str(provider), repr(provider.settings)]
                shown.append(await _told(provider.check()))
                for on in self.ways(provider):
                    shown += await self._told_under_faults(provider, account, on)
        output = capsys.readouterr()
        shown += [caplog.text, output.out, output.err]
        for name, secret in _secrets(self.provider.Settings.model_validate(self.settings)):
            assert len(secret) >= 8, f"make the secret `{name}` eight characters or longer"
            # Never `secret in text` inside the assertion: pytest would print both.
            betrayed = any(secret in text for text in shown)
            assert not betrayed, f"the secret `{name}` can be read"
        for name, secret in _secrets(self.provider.Settings.model_validate(bad)):
            betrayed = len(secret) >= 8 and any(secret in text for text in shown)
            assert not betrayed, f"the refused secret `{name}` can be read"

    async def _told_under_faults(self, provider: Any, account: Account, on: On) -> list[str]:
        told = [await _told(self.call(provider, account, on))]
        for fault in Fault:
            if fault is not Fault.HANG_AFTER:
                with account.struck(fault, on):
                    told.append(await _told(self.call(provider, account, on)))
        return told

    # --- at work ----------------------------------------------------------------------------

    @rule("check-refuses-bad-credentials")
    async def test_check_refuses_bad_credentials(self, account: Account) -> None:
        bad = self.declared(
            "bad_settings",
            "check-refuses-bad-credentials",
            "well-formed settings whose credentials the simulated account refuses",
        )
        async with self.opened(account) as provider:
            await provider.check()
        async with self.opened(account, bad) as provider:
            with pytest.raises(Misconfigured):
                await provider.check()

    @rule("check-has-no-effect")
    async def test_check_has_no_effect(self, account: Account) -> None:
        before = self.effects(account)
        async with self.opened(account) as provider:
            await provider.check()
            await provider.check()
        assert self.effects(account) == before

    @rule("retry-after-is-passed-on")
    async def test_retry_after_is_passed_on(self, account: Account) -> None:
        async with self.opened(account) as provider:
            for on in self.ways(provider):
                with account.struck(Fault.RATE_LIMITED, on):
                    answer = await _answer(self.call(provider, account, on))
                # Which error or state a 429 is, other rules judge.
                if hasattr(answer, "retry_after"):
                    assert answer.retry_after == RETRY_AFTER, on

    @rule("client-is-closed")
    async def test_client_is_closed(self, account: Account) -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ResourceWarning)
            async with self.opened(account) as provider:
                await provider.check()
                await self.call(provider, account, self.ways(provider)[0])
            del provider
            gc.collect(1)
        assert account.open_clients() == 0, "a client is still connected after aclose()"
        left = [str(one.message) for one in caught if one.category is ResourceWarning]
        assert left == [], "something was left open"

    @rule("event-loop-is-free")
    async def test_event_loop_is_free(self, account: Account) -> None:
        async with self.opened(account) as provider:
            for on in self.ways(provider):
                held = await loop.shortest_hold(
                    lambda on=on: self.call(provider, account, on)  # type: ignore[misc] # mypy#12557: a default argument defeats inference
                )
                assert held <= loop.LONGEST_HOLD, f"{on}: the event loop was held"


async def _answer(call: Any) -> Any:
    """What a call returned, or the ProviderError it raised."""
    try:
        return await call
    except ProviderError as error:
        return error


async def _told(call: Any) -> str:
    """All that a call says to whoever made it, in its answer or with its exception."""
    try:
        return repr(await call)
    except Exception as error:
        return "".join(traceback.format_exception(error)) + repr(error)


def _secrets(settings: Any) -> list[tuple[str, str]]:
    found = []
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            found.append((name, value.get_secret_value()))
        elif isinstance(value, SecretBytes):
            found.append((name, value.get_secret_value().decode("utf-8", "replace")))
    return found
