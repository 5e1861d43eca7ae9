from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from refund_gql.models.row import new_id
from refund_gql.choices import RuleChangeKind, RuleMode, RuleTrigger
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import SqlDefault
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('refund_gql', '0003_plugins')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Rule',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('name', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('trigger', fields.CharEnumField(description='REQUESTED: REQUESTED\nSTATUS_CHANGED: STATUS_CHANGED\nTRACKING_EVENT: TRACKING_EVENT\nCLOCK: CLOCK\nRISK_CHANGED: RISK_CHANGED', enum_type=RuleTrigger, max_length=40)),
                ('mode', fields.CharEnumField(description='LIVE: LIVE\nSHADOW: SHADOW\nOFF: OFF', enum_type=RuleMode, max_length=40)),
                ('position', fields.IntField()),
                ('version', fields.IntField(default=1)),
                ('deleted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'rule', 'app': 'refund_gql', 'constraints': [CheckConstraint(check='version > 0', name='rule_version_positive')], 'indexes': [Index(fields=['shop_id', 'trigger', 'position'])], 'pk_attr': 'id', 'table_description': 'When, if, then. What it says stands in its versions; here is what it is called and where'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='RuleChange',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('rule', fields.ForeignKeyField('refund_gql.Rule', source_field='rule_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('kind', fields.CharEnumField(description='CREATED: CREATED\nUPDATED: UPDATED\nMODE_SET: MODE_SET\nMOVED: MOVED\nDELETED: DELETED', enum_type=RuleChangeKind, max_length=40)),
                ('version', fields.IntField()),
                ('before', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('after', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('actor', fields.CharField(max_length=64)),
                ('actor_name', fields.CharField(default='', max_length=200)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'rule_change', 'app': 'refund_gql', 'pk_attr': 'id', 'table_description': 'Somebody changed a rule. Append-only.'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='RuleVersion',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('rule', fields.ForeignKeyField('refund_gql.Rule', source_field='rule_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('number', fields.IntField()),
                ('condition', fields.TextField(unique=False)),
                ('actions', fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads)),
                ('description', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('valid_from', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('valid_until', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('daily_count', fields.IntField(null=True)),
                ('daily_amount', fields.BigIntField(null=True)),
                ('author', fields.CharField(max_length=64)),
                ('author_name', fields.CharField(default='', max_length=200)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'rule_version', 'app': 'refund_gql', 'unique_together': (('rule', 'number'),), 'constraints': [CheckConstraint(check='(daily_count IS NULL OR daily_count > 0) AND (daily_amount IS NULL OR daily_amount > 0)', name='rule_version_caps_positive'), CheckConstraint(check='valid_from IS NULL OR valid_until IS NULL OR valid_from < valid_until', name='rule_version_ends_after_it_begins')], 'pk_attr': 'id', 'table_description': 'What a rule says. Never edited: a change is a new version.'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='RuleEvaluation',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('refund', fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('trigger', fields.CharEnumField(description='REQUESTED: REQUESTED\nSTATUS_CHANGED: STATUS_CHANGED\nTRACKING_EVENT: TRACKING_EVENT\nCLOCK: CLOCK\nRISK_CHANGED: RISK_CHANGED', enum_type=RuleTrigger, max_length=40)),
                ('facts', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('verdicts', fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads)),
                ('decided_by', fields.ForeignKeyField('refund_gql.RuleVersion', source_field='decided_by_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('decision', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('actions', fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads)),
                ('explanation', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'rule_evaluation', 'app': 'refund_gql', 'indexes': [Index(fields=['shop_id', 'at', 'id'])], 'pk_attr': 'id', 'table_description': 'The rules of one trigger were read over one refund. Append-only.'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='RuleUse',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('evaluation', fields.ForeignKeyField('refund_gql.RuleEvaluation', source_field='evaluation_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('rule', fields.ForeignKeyField('refund_gql.Rule', source_field='rule_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('rule_version', fields.ForeignKeyField('refund_gql.RuleVersion', source_field='rule_version_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('refund', fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('mode', fields.CharEnumField(description='LIVE: LIVE\nSHADOW: SHADOW\nOFF: OFF', enum_type=RuleMode, max_length=40)),
                ('amount', fields.BigIntField()),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'rule_use', 'app': 'refund_gql', 'indexes': [Index(fields=['rule_id', 'mode', 'at'])], 'pk_attr': 'id', 'table_description': 'A rule acted on a refund, or would have, were it live: counted against its daily cap.'},
            bases=['ShopRow'],
        ),
        ops.AddField(
            model_name='Shop',
            name='rule_matching',
            field=fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddConstraint(
            model_name='Rule',
            constraint=CheckConstraint(check='version > 0', name='rule_version_positive'),
        ),
        ops.AddConstraint(
            model_name='RuleVersion',
            constraint=CheckConstraint(check='(daily_count IS NULL OR daily_count > 0) AND (daily_amount IS NULL OR daily_amount > 0)', name='rule_version_caps_positive'),
        ),
        ops.AddConstraint(
            model_name='RuleVersion',
            constraint=CheckConstraint(check='valid_from IS NULL OR valid_until IS NULL OR valid_from < valid_until', name='rule_version_ends_after_it_begins'),
        ),
    ]
