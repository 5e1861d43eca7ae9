"""What couriers, CRM systems and channels raise: grouped by what the engine does about it.

Gateways *return* an `Outcome` instead, since money needs a finer answer. A foreign error is
converted once, where it enters the plugin, and chained: `raise Retryable(...) from error`.
Whatever else escapes a provider is treated as OutcomeUnknown.
"""

from datetime import timedelta


class ProviderError(Exception):
    """The provider did not do what it was asked; each subclass says what that proves."""

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        """`message` is for people and may be the provider's words, never a secret; `code` is
        the provider's own code, unchanged."""
        super().__init__(message or str(type(self).__doc__).splitlines()[0])
        self.code = code


class Refused(ProviderError):
    """Certainly not done, and repeating is useless."""


class Retryable(ProviderError):
    """Certainly not done; the same call may work later."""

    def __init__(
        self, message: str = "", *, code: str | None = None, retry_after: timedelta | None = None
    ) -> None:
        """`retry_after` is how long the provider asked to be left alone."""
        super().__init__(message, code=code)
        self.retry_after = retry_after


class OutcomeUnknown(ProviderError):
    """May have been done: time-out or lost connection after sending, 5xx, garbled answer."""


class Misconfigured(ProviderError):
    """Keys, permissions or settings are wrong; a person has to correct them."""

    def __init__(
        self, message: str = "", *, code: str | None = None, field: str | None = None
    ) -> None:
        """`field` names the setting to look at."""
        super().__init__(message, code=code)
        self.field = field


class WebhookRejected(ProviderError):
    """Not authentic, too old, or not one of this provider's messages."""
