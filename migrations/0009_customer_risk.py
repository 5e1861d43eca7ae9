from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from refund_gql.models.row import new_id
from refund_gql.providers.crm import RiskLevel
from refund_gql.choices import AppealOutcome, CrmFlagsStatus, FlagChangeKind
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import SqlDefault
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('refund_gql', '0008_announced')]

    initial = False

    operations = [
        # What CRM systems answered is kept for minutes only; it is asked for again, and kept in
        # another form.
        ops.RunSQL('DELETE FROM customer_risk', ops.RunSQL.noop),
        ops.CreateModel(
            name='CrmFlags',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('customer', fields.ForeignKeyField('refund_gql.Customer', source_field='customer_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('provider', fields.CharField(max_length=64)),
                ('status', fields.CharEnumField(description='PENDING: PENDING\nTOLD: TOLD\nREFUSED: REFUSED', enum_type=CrmFlagsStatus, max_length=40)),
                ('version', fields.IntField(default=0)),
                ('told', fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads)),
                ('attempted', fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads)),
                ('tries', fields.IntField(default=0)),
                ('calls', fields.IntField(default=0)),
                ('calling_until', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('next_try_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('code', fields.CharField(null=True, max_length=64)),
                ('error', fields.CharField(null=True, max_length=500)),
                ('told_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'crm_flags', 'app': 'refund_gql', 'unique_together': (('customer', 'provider'),), 'pk_attr': 'id', 'table_description': "What one CRM system was last told of one customer's flags."},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='CustomerFlag',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('customer', fields.ForeignKeyField('refund_gql.Customer', source_field='customer_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('code', fields.CharField(max_length=64)),
                ('level', fields.CharEnumField(description='LOW: LOW\nMEDIUM: MEDIUM\nHIGH: HIGH', enum_type=RiskLevel, max_length=40)),
                ('why', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('set_by', fields.CharField(max_length=64)),
                ('set_by_name', fields.CharField(default='', max_length=200)),
                ('evaluation', fields.ForeignKeyField('refund_gql.RuleEvaluation', source_field='evaluation_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('since', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('removed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('appealed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('appeal', fields.TextField(default='', unique=False)),
                ('answered_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('outcome', fields.CharEnumField(null=True, description='UPHELD: UPHELD\nREMOVED: REMOVED', enum_type=AppealOutcome, max_length=40)),
            ],
            options={'table': 'customer_flag', 'app': 'refund_gql', 'constraints': [CheckConstraint(check='since < expires_at', name='customer_flag_ends_after_it_begins'), CheckConstraint(check='(answered_at IS NULL) = (outcome IS NULL)', name='customer_flag_answer_has_an_outcome'), UniqueConstraint(fields=('customer_id', 'code'), name='one_holding_flag_of_a_code', condition='removed_at IS NULL')], 'indexes': [Index(fields=['shop_id', 'since', 'id'])], 'pk_attr': 'id', 'table_description': 'A mark on a customer, with its reason and an end.'},
            bases=['ShopRow'],
        ),
        ops.AddConstraint(
            model_name='CustomerFlag',
            constraint=CheckConstraint(check='since < expires_at', name='customer_flag_ends_after_it_begins'),
        ),
        ops.AddConstraint(
            model_name='CustomerFlag',
            constraint=CheckConstraint(check='(answered_at IS NULL) = (outcome IS NULL)', name='customer_flag_answer_has_an_outcome'),
        ),
        ops.AddConstraint(
            model_name='CustomerFlag',
            constraint=UniqueConstraint(fields=('customer_id', 'code'), name='one_holding_flag_of_a_code', condition='removed_at IS NULL'),
        ),
        ops.CreateModel(
            name='CustomerFlagChange',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('flag', fields.ForeignKeyField('refund_gql.CustomerFlag', source_field='flag_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('kind', fields.CharEnumField(description='SET: SET\nAPPEALED: APPEALED\nUPHELD: UPHELD\nREMOVED: REMOVED\nEXPIRED: EXPIRED', enum_type=FlagChangeKind, max_length=40)),
                ('why', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('evaluation', fields.ForeignKeyField('refund_gql.RuleEvaluation', source_field='evaluation_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('actor', fields.CharField(max_length=64)),
                ('actor_name', fields.CharField(default='', max_length=200)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'customer_flag_change', 'app': 'refund_gql', 'pk_attr': 'id', 'table_description': 'What happened to a flag, and by whom. Append-only.'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='RiskBaseline',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('customers', fields.IntField()),
                ('high_rate', fields.FloatField()),
                ('high_amount', fields.BigIntField()),
                ('computed_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('assessed_until', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'risk_baseline', 'app': 'refund_gql', 'unique_together': (('shop',),), 'pk_attr': 'id', 'table_description': "What is usual among a shop's customers; one row for each shop."},
            bases=['ShopRow'],
        ),
        ops.AlterModelOptions(
            name='CustomerRisk',
            options={'table': 'customer_risk', 'app': 'refund_gql', 'unique_together': (('shop', 'customer'),), 'constraints': [CheckConstraint(check='flags_told BETWEEN 0 AND flags_version', name='customer_risk_told_in_order')], 'indexes': [Index(fields=['changes_at'])], 'pk_attr': 'id', 'table_description': "Where one customer stands. Its lock is held by whoever changes the customer's flags."},
        ),
        ops.AlterField(
            model_name='CustomerRisk',
            name='asked_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='CustomerRisk',
            name='assessed_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='CustomerRisk',
            name='changes_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='CustomerRisk',
            name='flags',
            field=fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name='CustomerRisk',
            name='flags_told',
            field=fields.IntField(default=0),
        ),
        ops.AddField(
            model_name='CustomerRisk',
            name='flags_version',
            field=fields.IntField(default=0),
        ),
        ops.AddField(
            model_name='CustomerRisk',
            name='own_signals',
            field=fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name='CustomerRisk',
            name='version',
            field=fields.IntField(default=0),
        ),
        ops.AddIndex(
            model_name='CustomerRisk',
            index=Index(fields=['changes_at']),
        ),
        ops.AddConstraint(
            model_name='CustomerRisk',
            constraint=CheckConstraint(check='flags_told BETWEEN 0 AND flags_version', name='customer_risk_told_in_order'),
        ),
    ]
