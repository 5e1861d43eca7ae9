"""The notification channel `sandbox-inbox`: messages that one can read."""

from refund_gql_sandbox.inbox.mailbox import Inbox, Mail
from refund_gql_sandbox.inbox.provider import SandboxInbox

__all__ = ["Inbox", "Mail", "SandboxInbox"]
