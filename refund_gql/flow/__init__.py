"""THE REFUND, one file per step, in the order of the journey:

`quote` `request` `classification` `review` `dispute` `warehouse` `returns` `findings`
`inspection` `finance` `payout` `conversation` `settlement` `chargebacks` `aftercare`

After the money come `coupons` and `issuing`, `restitution` and `restoring`, each an errand of
`errands`, then `care` and `attribution`.

`journal` is the one way a refund changes, `once` makes a mutation run once per key, `claims`
gives back what a refund held, `reasons` notes why the shop thinks it came to be, `policy` holds
the rules of the house, `reconciliation` proves that nothing waits for ever.

What is known of the customer: `signals` says what counts, `risk` asks CRM systems, `own_signals`
and `assessment` look at her history, `flags` and `appeals` are what people say, `standing` is
what all of it comes to, and `crm_flags` tells CRM systems.
"""
