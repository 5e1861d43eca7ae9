"""The courier `sandbox-courier`: parcels that move as time passes."""

from refund_gql_sandbox.courier.provider import SandboxCourier

__all__ = ["SandboxCourier"]
