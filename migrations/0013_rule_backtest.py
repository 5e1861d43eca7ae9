from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from refund_gql.models.row import new_id
from refund_gql.choices import BacktestStatus
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import SqlDefault
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('refund_gql', '0012_priorities')]

    initial = False

    operations = [
        ops.CreateModel(
            name='RuleBacktest',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('replaces', fields.ForeignKeyField('refund_gql.Rule', source_field='replaces_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('status', fields.CharEnumField(default=BacktestStatus.QUEUED, description='QUEUED: QUEUED\nRUNNING: RUNNING\nDONE: DONE\nFAILED: FAILED\nCANCELLED: CANCELLED', enum_type=BacktestStatus, max_length=40)),
                ('lineup', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('starts_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('ends_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('total', fields.IntField()),
                ('done', fields.IntField(default=0)),
                ('cursor_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('cursor_id', fields.UUIDField(null=True)),
                ('tally', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('failures', fields.IntField(default=0)),
                ('actor', fields.CharField(max_length=64)),
                ('actor_name', fields.CharField(default='', max_length=200)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('finished_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'rule_backtest', 'app': 'refund_gql', 'constraints': [CheckConstraint(check='starts_at < ends_at', name='rule_backtest_window'), CheckConstraint(check='total >= 0 AND done >= 0 AND failures >= 0', name='rule_backtest_counts')], 'indexes': [Index(fields=['shop_id', 'created_at', 'id'])], 'pk_attr': 'id', 'table_description': 'One draft, tried on the refunds of a window. What it has counted commits together with how'},
            bases=['ShopRow'],
        ),
        ops.AddConstraint('RuleBacktest', CheckConstraint(check='starts_at < ends_at', name='rule_backtest_window')),
        ops.AddConstraint('RuleBacktest', CheckConstraint(check='total >= 0 AND done >= 0 AND failures >= 0', name='rule_backtest_counts')),
    ]
