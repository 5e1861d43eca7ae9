"""The CRM system `sandbox-crm`: customers whose risk and tier are told by their reference."""

from refund_gql_sandbox.crm.provider import SandboxCrm

__all__ = ["SandboxCrm"]
