from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from refund_gql.models.row import new_id
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import SqlDefault
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('refund_gql', '0001_initial')]

    initial = False

    operations = [
        ops.CreateModel(
            name='CampaignDay',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('code', fields.CharField(max_length=64)),
                ('on', fields.DateField()),
                ('labels', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('left_out', fields.BooleanField(default=False)),
            ],
            options={'table': 'campaign_day', 'app': 'refund_gql', 'unique_together': (('shop', 'on', 'code'),), 'pk_attr': 'id', 'table_description': "One day of the shop's campaign calendar, or one of the usual ones that it leaves out."},
            bases=['ShopRow'],
        ),
    ]
