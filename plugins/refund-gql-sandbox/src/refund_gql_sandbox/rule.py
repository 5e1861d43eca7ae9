"""A line of the script of the courier, the CRM and the inbox: which call meets what trouble."""

from pydantic import BaseModel, ConfigDict, PositiveInt

from refund_gql_sandbox.trouble import Trouble


class Rule(BaseModel):
    """One line of a script. A field that is left out matches every call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: str | None = None
    """The method's name, as `book_pickup`."""
    subject: str | None = None
    """What the call is about: a tracking number, our number, a customer's reference, a message's
    id."""
    nth: PositiveInt = 1
    """The first call of an operation about a subject that the rule applies to, from 1."""
    trouble: Trouble
    """What happens; OK shields the call from the triggers after the script."""
    times: PositiveInt | None = 1
    """To how many of these calls, from the nth on, it applies; null for all of them."""

    def matches(self, operation: str, subject: str, nth: int) -> bool:
        """Whether the rule applies to the nth call (from 1) of an operation about a subject."""
        return (
            self.operation in (None, operation)
            and self.subject in (None, subject)
            and self.nth <= nth
            and (self.times is None or nth < self.nth + self.times)
        )
