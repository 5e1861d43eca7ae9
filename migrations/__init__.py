"""The schema's history. A new step: `make migration name=add_this` after changing a model.

Constraints of new tables need a statement of their own, since Tortoise leaves those of
`CreateModel` out: one `RunSQL` for all of a migration, because Tortoise copies every model for
each operation. A test compares the migrated schema with the models.
"""

from refund_gql.database import orm_config

TORTOISE_ORM = orm_config("postgresql://postgres@localhost/refund_gql", pool_size=2)
