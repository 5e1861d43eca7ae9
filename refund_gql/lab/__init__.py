"""The lab: what a rule would have done, on the shop's own history. Nothing here changes a refund.

Read `backtests` (asking for a trial), `working` (the job, in chunks), `history` and `past` (what
was known about a refund when it was asked for), `replay` (a draft against today's rules, pure),
`tally` (what is counted), `report` (what it comes to) and `comparison` (a rule in the shadow
against the live ones).
"""
