"""The sandbox's credentials: it takes any key, except those that begin with "bad"."""

from pydantic import SecretStr

from refund_gql.providers import Misconfigured

CODE = "AUTHENTICATION"
"""What the sandbox answers to a key it does not take."""


def accepted(api_key: SecretStr) -> bool:
    """Whether the sandbox takes this key."""
    return not api_key.get_secret_value().startswith("bad")


def require(api_key: SecretStr) -> None:
    """Raise Misconfigured unless the sandbox takes this key."""
    if not accepted(api_key):
        raise Misconfigured(
            'The sandbox refuses the API key: one that begins with "bad" is bad',
            code=CODE,
            field="api_key",
        )
