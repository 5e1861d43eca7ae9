"""What `refund-gql new-plugin` writes: a plugin that works, against a provider that does not exist.

`naming` derives every name from the one an author chooses; `writing` fills in the templates. The
folder `templates` looks like what is written: `every` is for all kinds, `signed` for those with
webhooks, and each kind has one of its own. `PACKAGE` stands for the import package.
"""

from refund_gql.scaffold.naming import InvalidName
from refund_gql.scaffold.writing import write

__all__ = ["InvalidName", "write"]
