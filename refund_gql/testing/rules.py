"""The rules of the conformance kit, in one table: what, for which kinds, at which tier, and why.

The table is the source of `docs/conformance.md` and of everything the report says. A rule is kept
by the tests marked with its id; it is passed when all of them are, and none was left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from refund_gql.providers.conformance import Tier
from refund_gql.providers.provider import ProviderKind

BRONZE, SILVER, GOLD = Tier.BRONZE, Tier.SILVER, Tier.GOLD
GATEWAY, COURIER = ProviderKind.GATEWAY, ProviderKind.COURIER
CRM, NOTIFIER = ProviderKind.CRM, ProviderKind.NOTIFIER


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One thing that every provider of some kinds does."""

    id: str
    says: str
    """The rule, in one sentence."""
    tiers: Mapping[ProviderKind, Tier]
    """The kinds it is for, and the tier that needs it."""
    why: str
    how: str
    """How to satisfy it, and what the author supplies for its test."""
    exceptions: str = "None."
    """When a waiver is right."""
    review: bool = False
    """Judged by people: listed, and no part of the computed tier."""


def every(tier: Tier) -> dict[ProviderKind, Tier]:
    """The same tier for all four kinds."""
    return dict.fromkeys(ProviderKind, tier)


_EVERY_KIND = (
    Rule(
        id="waivers-have-reasons",
        says="Every waiver names a rule of this page and says why it does not apply.",
        tiers=every(BRONZE),
        why="A misspelt waiver protects nothing, and one without a reason helps no reader.",
        how='`waivers = {"rule-id": "the provider\'s reason"}`; delete those no longer needed.',
        exceptions="None: this rule cannot be waived.",
    ),
    Rule(
        id="loads-under-its-api",
        says="The package declares the plugin API it was written for, and its hook returns "
        "the provider.",
        tiers=every(BRONZE),
        why="The engine refuses to load anything else, and would do so in production first.",
        how="Set `REFUND_GQL_API` to a range such as `>=1.0,<2`, return the class from the hook "
        "of its kind, declare an entry point in the group `refund_gql`, install the package "
        "(`pip install -e .`). Before it has an entry point, name the module in `plugin_module`.",
    ),
    Rule(
        id="name-is-unique",
        says="The name has lower-case letters, digits and dashes, and no other installed provider "
        "has it.",
        tiers=every(BRONZE),
        why="Names are stored in rows; the engine must find the same provider under it for years.",
        how="Begin the name with that of your package.",
    ),
    Rule(
        id="settings-are-valid",
        says="The settings have a JSON schema; good ones are taken, unknown fields are refused, "
        "and errors do not show what was entered.",
        tiers=every(BRONZE),
        why="A shop's owner fills in a form made from the schema; a misspelt field that is "
        "silently dropped is found when money moves.",
        how="Subclass `ProviderSettings` and keep its configuration. The class of tests declares "
        "`settings`: values that work with the simulated account.",
    ),
    Rule(
        id="secrets-are-marked",
        says="Every field that holds a secret is a `SecretStr` or `SecretBytes`.",
        tiers=every(BRONZE),
        why="The engine encrypts, hides and never sends back what is marked, and only that.",
        how="Mark it. Fields whose names speak of keys, secrets, tokens or passwords are taken "
        "for secrets, but for `..._id`, `..._url`, `..._path` and the like, and `public_...`.",
        exceptions="A field that is named like a secret and is none.",
    ),
    Rule(
        id="secrets-stay-secret",
        says="No secret appears in a repr, an outcome, an exception or a log line, even when "
        "everything fails.",
        tiers=every(BRONZE),
        why="Logs are read by more people than hold the keys to the money.",
        how="Send secrets in headers or bodies, never in a URL (clients log URLs); chain foreign "
        "errors without quoting requests. Declared secrets need eight characters or more, so "
        "that they can be recognised.",
    ),
    Rule(
        id="recordings-are-clean",
        says="Recorded payloads hold no card numbers, e-mail addresses or keys.",
        tiers=every(BRONZE),
        why="They are published with the plugin, and they came from real customers.",
        how="Scrub them. The folder is `payloads` beside the test file; `recordings` names "
        "another one. Addresses at example.com, .org and .net are allowed.",
        exceptions="A provider's published test card number.",
    ),
    Rule(
        id="check-refuses-bad-credentials",
        says="`check()` accepts working credentials and raises Misconfigured for others.",
        tiers=every(BRONZE),
        why="A wrong key found by the owner's first click is an annoyance; found by the first "
        "refund, it is an incident.",
        how="Call something that needs the credentials and moves nothing. Declare `bad_settings`: "
        "well-formed values that the simulated account refuses.",
        exceptions="A provider without credentials.",
    ),
    Rule(
        id="check-has-no-effect",
        says="`check()` moves no money and no goods, writes nothing, and may be repeated.",
        tiers=every(BRONZE),
        why="It is called from dashboards, by people who want to know and not to do.",
        how="Use a read: a balance, the account, an empty list.",
    ),
    Rule(
        id="retry-after-is-passed-on",
        says="When the provider asks to be left alone for a while, the engine hears for how long.",
        tiers=every(SILVER),
        why="Asking again too early makes the provider shut the door for longer.",
        how="Read `Retry-After` on a 429 into `retry_after`, of the `Outcome` or of `Retryable`.",
        exceptions="A provider that never names a time.",
    ),
    Rule(
        id="client-is-closed",
        says="`aclose()` closes all clients and files.",
        tiers=every(SILVER),
        why="Providers are made again whenever a shop changes its settings; what is not closed "
        "piles up until the process has no sockets left.",
        how="`await self._client.aclose()`.",
    ),
    Rule(
        id="readme-is-complete",
        says="The README has the headings Settings, Limits and Sandbox, and names every setting.",
        tiers=every(SILVER),
        why="These are the three questions of whoever installs the plugin.",
        how="The headings may be Chinese: 设置, 限制, 沙箱. The README is the one beside the "
        "nearest pyproject.toml above the test file; `readme` names another one.",
    ),
    Rule(
        id="settings-are-described",
        says="Every setting has a description in the schema.",
        tiers=every(GOLD),
        why="The form a shop's owner fills in shows it.",
        how="Write a docstring under the field, or `Field(description=...)`.",
    ),
    Rule(
        id="event-loop-is-free",
        says="No call holds the event loop for more than 50 ms.",
        tiers=every(GOLD),
        why="While it is held, the provider's other calls wait, and deadlines are missed.",
        how="No `time.sleep`, no blocking client; long work goes to `asyncio.to_thread`. The best "
        "of five calls counts, so that a busy machine fails nobody.",
    ),
    Rule(
        id="typed-throughout",
        says="The package ships `py.typed`, and every function is annotated.",
        tiers=every(GOLD),
        why="The contracts are typed; an unannotated function is where they stop being checked.",
        how="Put `py.typed` beside `__init__.py`, and run `mypy --strict` in your own CI: the kit "
        "only sees that annotations are there, not that they are true.",
    ),
    Rule(
        id="old-and-new-engine-pass",
        says="The suite passes with the oldest and the newest engine of the declared range.",
        tiers=every(GOLD),
        why="A range that was never tried is a guess.",
        how="One CI job each.",
        review=True,
    ),
    Rule(
        id="sandbox-run-is-recent",
        says="A run against the provider's own sandbox was recorded in the last 90 days.",
        tiers=every(GOLD),
        why="Providers change; simulators are changed only by those who notice.",
        how="Record a run and commit the scrubbed payloads.",
        review=True,
    ),
    Rule(
        id="owner-is-named",
        says="A person is named who answers for the plugin.",
        tiers=every(GOLD),
        why="Somebody has to be asked.",
        how="`authors` in pyproject.toml.",
        review=True,
    ),
)

_WEBHOOKS = (
    Rule(
        id="tampered-webhook-is-refused",
        says="A webhook that was changed, is unsigned, or is meant for another merchant is "
        "refused.",
        tiers={GATEWAY: SILVER, COURIER: BRONZE},
        why="Anybody can post to the address. A forged push of a courier starts the timer after "
        "which a shop pays for goods it never got.",
        how="Verify the raw bytes before parsing, with `hmac.compare_digest`; raise "
        "WebhookRejected, and nothing else. Write `webhook(news)`, which signs as the provider "
        "does; with `news.foreign` it signs for another merchant. Without webhooks there is "
        "nothing to do.",
    ),
    Rule(
        id="webhook-is-understood",
        says="An authentic webhook is translated, and a status word that is not in the table "
        "proves nothing.",
        tiers={GATEWAY: SILVER, COURIER: SILVER},
        why="News that is guessed at closes refunds that were never paid.",
        how="The table maps known words; the default is UNKNOWN for a gateway and no tag for a "
        "courier. A gateway's `webhook(news)` is asked for an undocumented word by `news.state` "
        "None.",
    ),
    Rule(
        id="chargebacks-are-understood",
        says="Where the sheet says `disputes`, a chargeback that is opened, won or lost is read "
        "with its own reference, the payment's, the exact amount, and the time of the news.",
        tiers={GATEWAY: SILVER},
        why="A chargeback that is missed is paid twice: once by the bank, once by a refund.",
        how="Return a `DisputeNotice`. `webhook(news)` is also asked for a `DisputeNews`; its "
        "`sent_at` is the time at which the chargeback came to its state.",
        exceptions="None: a gateway that reports none leaves `disputes` False.",
    ),
    Rule(
        id="webhooks-may-repeat",
        says="The same message has the same event id and content however often and in whatever "
        "order it comes; different messages have different ids.",
        tiers={GATEWAY: SILVER, COURIER: SILVER},
        why="The engine drops doubles by the id. Providers send again for days.",
        how="Parse from the bytes alone and keep no state. Take the provider's id of the message, "
        "or a hash of the body.",
    ),
    Rule(
        id="stale-webhook-is-refused",
        says="A webhook signed an hour ago is refused.",
        tiers={GATEWAY: GOLD, COURIER: GOLD},
        why="A recorded message can be played again.",
        how="Check the signed time stamp, with a tolerance of five minutes.",
        exceptions="A provider that signs no time stamp.",
    ),
)

_GATEWAY = (
    Rule(
        id="same-number-pays-once",
        says="The same refund number pays once: after a time-out, after an error, again and again.",
        tiers={GATEWAY: BRONZE},
        why="This is a double payment. A new idempotency key on a retry hides it from everybody "
        "but the bank.",
        how="Send `request.number` as the provider's idempotency key or reference, never one made "
        "in the call; turn off the retries of the provider's client.",
    ),
    Rule(
        id="other-amount-is-refused",
        says="The same number with another amount moves no money and is no success.",
        tiers={GATEWAY: BRONZE},
        why="A success would be recorded for an amount that nobody paid.",
        how="Send the number as the key, and treat the provider's conflict as UNKNOWN or REJECTED.",
        exceptions="None; keep a provider that cannot tell out of production.",
    ),
    Rule(
        id="time-out-is-unknown",
        says="A time-out or a lost connection after sending is UNKNOWN.",
        tiers={GATEWAY: BRONZE},
        why="The money may have moved. REJECTED frees the balance, and it is paid a second time.",
        how="Catch the client's time-outs and protocol errors and return UNKNOWN.",
    ),
    Rule(
        id="server-error-is-unknown",
        says="A 5xx answer is UNKNOWN, whether or not the money moved.",
        tiers={GATEWAY: BRONZE},
        why="The provider itself does not know how far it got.",
        how="Look at the status before the body.",
    ),
    Rule(
        id="unreadable-answer-is-unknown",
        says="A truncated or garbled answer is UNKNOWN.",
        tiers={GATEWAY: BRONZE},
        why="Half an answer proves nothing, whatever its status line says.",
        how="Parse strictly; what does not parse is UNKNOWN.",
    ),
    Rule(
        id="unknown-status-is-unknown",
        says="A status or code that is not in the table is UNKNOWN.",
        tiers={GATEWAY: BRONZE},
        why="Providers add words. A default of success closes refunds that were never paid, a "
        "default of failure pays twice.",
        how="`TABLE.get(word, UNKNOWN)`. The simulated account answers with such a word when the "
        "fault is UNRECOGNISED.",
    ),
    Rule(
        id="absent-is-not-rejected",
        says="A number the provider does not know is UNKNOWN with `absent`, never REJECTED.",
        tiers={GATEWAY: BRONZE},
        why="Not found is not the same as never happened: the request may still be on its way. "
        "The engine waits for the settling time.",
        how="Return `Outcome(state=UNKNOWN, absent=True)` from `query`.",
    ),
    Rule(
        id="doubtful-query-stays-unknown",
        says="A query that failed or cannot be read is UNKNOWN, and not `absent`.",
        tiers={GATEWAY: BRONZE},
        why="An error that is read as absence lets the engine send again.",
        how="Only the provider's explicit word for it is absence.",
    ),
    Rule(
        id="amounts-are-exact",
        says="EUR, JPY and KWD amounts arrive to the minor unit, and the echo is exact.",
        tiers={GATEWAY: BRONZE},
        why="Floats lose cents, and a fixed factor of 100 pays a hundred times too much in yen.",
        how="Integers, or Decimal with the currency's own exponent. Currencies the sheet excludes "
        "are not tried, but at least one is.",
    ),
    Rule(
        id="query-settles-the-unknown",
        says="After a time-out, `query` says what became of the refund.",
        tiers={GATEWAY: SILVER},
        why="Otherwise every lost answer needs a person.",
        how="Look it up by our number, or list the payment's refunds and compare.",
        exceptions="A provider without any way to ask; its sheet says `can_query=False`.",
    ),
    Rule(
        id="cancelled-call-can-be-queried",
        says="A call that is cancelled half-way leaves a number that can be queried and sent "
        "again without paying twice.",
        tiers={GATEWAY: SILVER},
        why="The engine's deadline cancels calls, and so does a restart.",
        how="Do not swallow CancelledError, and keep nothing in the object that a cut-off call "
        "leaves half-done.",
    ),
    Rule(
        id="concurrent-calls-pay-once",
        says="Twenty calls at once with one number pay once.",
        tiers={GATEWAY: SILVER},
        why="Two workers may hold the same payout for a moment.",
        how="Leave it to the provider's idempotency; a check of your own before the call is a "
        "race.",
    ),
    Rule(
        id="refused-connection-is-retriable",
        says="A connection that was refused is REJECTED and retriable: nothing was sent.",
        tiers={GATEWAY: SILVER},
        why="With UNKNOWN the customer waits for the settling time, for nothing.",
        how="Tell the client's connect errors from all others.",
    ),
    Rule(
        id="retries-are-left-to-the-engine",
        says="One call of `refund` is one payment request.",
        tiers={GATEWAY: SILVER},
        why="The engine's record of attempts is only true when it sees each one.",
        how="Turn off the retries of the provider's client.",
    ),
    Rule(
        id="partial-refunds",
        says="One payment can be refunded in three parts, each exact, and each can be queried.",
        tiers={GATEWAY: GOLD},
        why="Most refunds of mixed baskets are partial.",
        how="Send the amount of the part, not of the payment.",
        exceptions="A provider that refunds whole payments only; its sheet says `partial=False`.",
    ),
)

_ANSWERS = (
    Rule(
        id="errors-are-converted",
        says="Whatever goes wrong, only a ProviderError comes out.",
        tiers={COURIER: SILVER, CRM: SILVER, NOTIFIER: SILVER},
        why="The engine decides by its class; a foreign error is the most careful one, "
        "OutcomeUnknown.",
        how="Catch the client's errors where they enter and chain them: `raise Retryable(...) "
        "from error`.",
    ),
    Rule(
        id="transient-is-retryable",
        says="A refused connection and a 429 are Retryable.",
        tiers={COURIER: SILVER, CRM: SILVER},
        why="They pass by themselves; anything else calls a person.",
        how="Connect errors and 429 become Retryable.",
    ),
)

_COURIER = (
    Rule(
        id="codes-map-as-documented",
        says="Every code of the provider's table becomes its tag, and is kept unchanged.",
        tiers={COURIER: BRONZE},
        why="A parcel in a locker that counts as delivered starts the wrong clock.",
        how="Declare `codes`: the provider's code -> the tag it must become, or None. The account "
        "shows a scan with the code.",
    ),
    Rule(
        id="unknown-code-is-not-guessed",
        says="A code that is not in the table has no tag; its code and text are kept.",
        tiers={COURIER: BRONZE},
        why="A guess of DELIVERED pays for goods that are still on the road.",
        how="`TABLE.get(code)`. `unknown_code` may be set to one of the provider's form.",
    ),
    Rule(
        id="pickup-is-ordered-once",
        says="A pickup order that timed out is ordered once, and may be found by our number.",
        tiers={COURIER: BRONZE},
        why="Two vans come, and two are paid.",
        how="Send our number as the provider's order number; do not repeat the call yourself; "
        "implement `find_pickup`. Without pickups, leave the sheet's `pickup` False.",
        exceptions="A provider that takes no number of ours; say how its doubles are found.",
    ),
    Rule(
        id="doubtful-pickup-is-unknown",
        says="A time-out, a lost connection, a 5xx or an unreadable answer to a pickup order is "
        "OutcomeUnknown.",
        tiers={COURIER: BRONZE},
        why="With Retryable the engine orders again without looking.",
        how="As for gateways: after the request was sent, only an explicit answer proves anything.",
    ),
    Rule(
        id="doubtful-tracking-is-an-error",
        says="An answer to `track` that cannot be read is an error, and never news.",
        tiers={COURIER: BRONZE},
        why="An empty history is news as well: it says that nothing has happened.",
        how="Raise Retryable or OutcomeUnknown.",
    ),
    Rule(
        id="checkpoints-may-repeat",
        says="Asked twice, told in any order or doubled, the same scan is the same checkpoint.",
        tiers={COURIER: SILVER},
        why="The engine drops doubles by comparing.",
        how="Make checkpoints from the scan alone, without the time of asking.",
    ),
    Rule(
        id="times-are-utc",
        says="The times of checkpoints are aware, in UTC, and right.",
        tiers={COURIER: SILVER},
        why="Couriers write local time without saying so; eight hours decide about a deadline.",
        how="Attach the courier's zone, then convert.",
    ),
    Rule(
        id="unknown-parcel-has-no-news",
        says="A number the courier does not know has no checkpoints; it is no error.",
        tiers={COURIER: SILVER},
        why="Customers enter the number before the courier's first scan.",
        how="Translate the provider's word for it into an empty `Tracking`.",
    ),
    Rule(
        id="tracking-asks-once",
        says="`track` asks the provider once, and the sheet names an interval.",
        tiers={COURIER: SILVER},
        why="Providers lock numbers that are asked for too often; the engine keeps the interval, "
        "if the plugin does not undo it.",
        how="One request per call; state `least_poll_interval`.",
    ),
)

_CRM = (
    Rule(
        id="flags-are-sets",
        says="The same `set_flags` twice leaves the same flags.",
        tiers={CRM: BRONZE},
        why="The engine repeats it until it succeeds; a counter would brand an honest customer.",
        how="Set and unset, never count or append.",
    ),
    Rule(
        id="failed-signal-is-no-signal",
        says="A look-up that failed or cannot be read gives no signals.",
        tiers={CRM: BRONZE},
        why="A made-up risk keeps an honest customer waiting; a made-up trust pays a thief.",
        how="Raise a ProviderError; the engine goes on without.",
    ),
    Rule(
        id="coupon-is-issued-once",
        says="The same coupon number issues one coupon, also after a time-out, and answers with "
        "the same code.",
        tiers={CRM: BRONZE},
        why="A coupon is money.",
        how="Send our number as the key. A CRM that is no CouponIssuer has nothing to do.",
    ),
    Rule(
        id="restoration-happens-once",
        says="The same number gives points or a coupon back once, also after a time-out.",
        tiers={CRM: BRONZE},
        why="Points are money too, and the engine repeats what it is not sure of.",
        how="Send our number as the key. A CRM that is no LoyaltyLedger has nothing to do.",
    ),
    Rule(
        id="unknown-customer-has-no-signals",
        says="A customer the CRM does not know has no signals; it is no error.",
        tiers={CRM: BRONZE},
        why="Most customers are unknown to most systems.",
        how="Translate the provider's 404.",
    ),
    Rule(
        id="risky-customer-has-signals",
        says="What the CRM knows about a customer is told.",
        tiers={CRM: SILVER},
        why="It is what the plugin is for.",
        how="Declare `risky_customer`: one about whom the simulated account knows something.",
    ),
    Rule(
        id="one-failure-fails-one",
        says="One customer who cannot be flagged is one result, in its place; the others are "
        "flagged.",
        tiers={CRM: SILVER},
        why="Otherwise one closed account holds back a hundred.",
        how="Collect a `FlagResult` per change. Declare `unflaggable_customer`: one whom the "
        "simulated account refuses.",
    ),
    Rule(
        id="token-is-refreshed-once",
        says="When the access token has run out, twenty calls at once fetch one new one.",
        tiers={CRM: SILVER},
        why="Token endpoints are limited, and some void the token before.",
        how="Guard the refresh with a lock. The account overrides `tokens_issued` and "
        "`expire_tokens`; without tokens there is nothing to do.",
    ),
    Rule(
        id="revoked-coupon-stays-revoked",
        says="A coupon can be revoked, and revoked again.",
        tiers={CRM: SILVER},
        why="Revocations are repeated until they succeed.",
        how="Treat `already revoked` as done.",
    ),
    Rule(
        id="reviews-are-paged",
        says="Reading on from the cursor gives every review once, oldest first, in UTC.",
        tiers={CRM: SILVER},
        why="A review that is skipped is never read again.",
        how="Pass the provider's cursor on; give None at the end. The simulated account of a "
        "ReviewSource holds two reviews or more.",
    ),
)

_NOTIFIER = (
    Rule(
        id="message-arrives",
        says="The message reaches its address with its text unchanged.",
        tiers={NOTIFIER: BRONZE},
        why="It names an amount of money, in Chinese as well.",
        how="Declare `good_address`; the account records what it got.",
    ),
    Rule(
        id="errors-say-what-to-do",
        says="A bad address is Refused; a 429 and a refused connection are Retryable.",
        tiers={NOTIFIER: BRONZE},
        why="Refused moves on to the shop's next channel for good; Retryable tries this one again. "
        "The wrong one loses messages, or annoys.",
        how="Map the provider's codes one by one. Declare `bad_address`: one that the simulated "
        "account refuses.",
        exceptions="A channel that needs no address.",
    ),
    Rule(
        id="doubtful-message-is-not-resent",
        says="A time-out, a lost connection, a 5xx or an unreadable answer is OutcomeUnknown, and "
        "the plugin itself sends once.",
        tiers={NOTIFIER: BRONZE},
        why="A doubled text message about money frightens people. An idempotent channel may say "
        "Retryable.",
        how="Turn off the retries of the provider's client; only a refusal to connect and a 429 "
        "are Retryable.",
    ),
    Rule(
        id="message-id-is-constant",
        says="Every try of a message carries its id, and an idempotent channel delivers it once.",
        tiers={NOTIFIER: SILVER},
        why="It is how doubles are recognised, by the provider or by the reader.",
        how="Pass `message.id` on. A channel that can carry no id records None.",
    ),
)

TABLE: tuple[Rule, ...] = (
    *_EVERY_KIND,
    *_WEBHOOKS,
    *_GATEWAY,
    *_ANSWERS,
    *_COURIER,
    *_CRM,
    *_NOTIFIER,
)
RULES: Mapping[str, Rule] = {rule.id: rule for rule in TABLE}
"""By id."""


def needed(kind: ProviderKind, tier: Tier) -> list[Rule]:
    """The computed rules that a kind of provider needs for exactly this tier."""
    return [rule for rule in TABLE if rule.tiers.get(kind) is tier and not rule.review]


def page(rule_id: str) -> str:
    """Where to read about a rule."""
    return f"docs/conformance.md#{rule_id}"
