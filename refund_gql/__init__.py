"""refund_gql: a headless refund engine for online shops. Read it in this order:

1. `money`, `states`, `choices`, `events`, `errors`: the vocabulary, pure Python
2. `flow`: the journey of a refund, one file per step; `flow/journal.py` is how it changes
   `rules`: what the shop lets happen without a person; `lab`: what that would have been
   `desk`: what people at work find and say
3. `providers`: what a plugin implements; `registry` finds the plugins
4. `database`, `jobs`: the one transaction helper and the one door to durable work
5. `graphql`: the API, a thin translation of the flow
6. `app`, `cli`: where everything is put together
"""

from importlib.metadata import version

__version__ = version("refund-gql")
