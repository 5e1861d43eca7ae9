"""THE REFUND, one file per step, in the order of the journey:

`quote` `request` `classification` `review` `dispute` `warehouse` `returns` `findings`
`inspection` `finance` `payout` `conversation` `settlement` `chargebacks` `aftercare`

After the money come `coupons` and `issuing`, `restitution` and `restoring`, each an errand of
`errands`, then `care` and `attribution`.

While people have it: `queueing` (at which desk), `assignment` (who), `notes`, `script_uses`.

`journal` is the one way a refund changes, `once` makes a mutation run once per key, `claims`
gives back what a refund held, `reasons` notes why the shop thinks it came to be, `policy` holds
the rules of the house, `reconciliation` proves that nothing waits for ever.

Deadlines: `deadline_policies` says how long a stage may take, `business_hours` when the shop is
open, `clocks` follow the refund, `deadlines` does what is to happen when time is up, and
`service_levels` counts how they were kept.

What is known of the customer: `signals` says what counts, `risk` asks CRM systems, `own_signals`
and `assessment` look at her history, `flags` and `appeals` are what people say, `standing` is
what all of it comes to, and `crm_flags` tells CRM systems.
"""
