"""What the shop's refunds say: figures, reasons, forecasts. Reads; never moves a refund.

Needs the extra `refund-gql[insight]` where statistics are fitted (scikit-learn, numpy).
"""
