"""People at work: what they find, and what they say.

`queue` is what waits at each desk and who works there, `scripts` are the shop's canned texts
(话术), `outcomes` how the cases ended for which they were used. Who looks after which refund is a
change of the refund itself: `flow/assignment`, `flow/notes`.
"""
