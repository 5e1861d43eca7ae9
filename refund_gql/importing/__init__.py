"""A shop's history comes in from files: `refund-gql import`.

Read in this order: `mapping`, `source` and `condition` (the language), `file`, `table` and
`sheet` (the rows), `draft` and `drafting` (what they add up to), `orders`, `refunds`, `purchase`
and `claim` (what is written), `run` (in chunks that survive a kill), `command`.
"""
