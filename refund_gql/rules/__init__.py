"""Which refunds need nobody: the shop's own rules, judged on facts.

Read `facts` (what a rule may ask about), `language` (how it asks), `actions` (what it may do),
`engine` (which rule decides, and why) and `records` (rules out of the database, evaluations into
it). Rules decide and return actions as data; the flow carries them out.
"""
