"""THE REFUND, one file per step, in the order of the journey:

`quote` `request` `classification` `review` `warehouse` `returns` `inspection` `finance`
`payout` `conversation` `settlement` `aftercare`

After the money come `coupons` and `issuing`, `restitution` and `restoring`, each an errand of
`errands`, then `care` and `attribution`.

`journal` is the one way a refund changes, `once` makes a mutation run once per key, `claims`
gives back what a refund held, `policy` holds the rules of the house, `reconciliation` proves
that nothing waits for ever.
"""
