"""The payment gateway `sandbox`: a bank in a file."""

from refund_gql_sandbox.gateway.provider import SandboxGateway

__all__ = ["SandboxGateway"]
