from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from refund_gql.models.row import new_id
from refund_gql.providers.crm import RiskLevel
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import SqlDefault
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('refund_gql', '0004_rules')]

    initial = False

    operations = [
        ops.CreateModel(
            name='CustomerRisk',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('customer', fields.ForeignKeyField('refund_gql.Customer', source_field='customer_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('level', fields.CharEnumField(null=True, description='LOW: LOW\nMEDIUM: MEDIUM\nHIGH: HIGH', enum_type=RiskLevel, max_length=40)),
                ('tier', fields.CharField(null=True, max_length=64)),
                ('signals', fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads)),
                ('known', fields.BooleanField()),
                ('asked_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'customer_risk', 'app': 'refund_gql', 'unique_together': (('shop', 'customer'),), 'pk_attr': 'id', 'table_description': "The last answer of the shop's CRM systems about one customer."},
            bases=['ShopRow'],
        ),
    ]
