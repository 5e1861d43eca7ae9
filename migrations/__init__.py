"""The schema's history. A new step: `make migration name=add_this` after changing a model.

Constraints of a new table need an `AddConstraint` of their own: Tortoise leaves those of
`CreateModel` out. A test compares the migrated schema with the models.
"""

from refund_gql.database import orm_config

TORTOISE_ORM = orm_config("postgresql://postgres@localhost/refund_gql", pool_size=2)
