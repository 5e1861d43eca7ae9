from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from refund_gql.choices import AutoAssign, NoteKind
from refund_gql.desks import Desk
from refund_gql.events import EventType
from refund_gql.models.row import new_id
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import SqlDefault
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('refund_gql', '0001_initial')]

    initial = False

    operations = [
        ops.CreateModel(
            name='RefundNote',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('refund', fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('version', fields.IntField()),
                ('kind', fields.CharEnumField(description='NOTE: NOTE\nHANDOVER: HANDOVER', enum_type=NoteKind, max_length=40)),
                ('text', fields.TextField(unique=False)),
                ('author', fields.CharField(max_length=64)),
                ('author_name', fields.CharField(default='', max_length=200)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'refund_note', 'app': 'refund_gql', 'unique_together': (('refund', 'version'),), 'pk_attr': 'id', 'table_description': 'A word between colleagues about a refund; no customer ever reads it. Append-only.'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='Script',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('code', fields.CharField(max_length=64)),
                ('version', fields.IntField(default=1)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('retired_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'script', 'app': 'refund_gql', 'unique_together': (('shop', 'code'),), 'constraints': [CheckConstraint(check='version > 0', name='script_version_positive')], 'pk_attr': 'id', 'table_description': 'A canned text (话术). What it says stands in its newest version.'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='ScriptUse',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('script', fields.ForeignKeyField('refund_gql.Script', source_field='script_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('number', fields.IntField()),
                ('refund', fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('version', fields.IntField()),
                ('used_by', fields.CharField(max_length=64)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'script_use', 'app': 'refund_gql', 'unique_together': (('refund', 'version'),), 'pk_attr': 'id', 'table_description': 'A canned text that was used for a refund. Append-only.'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='ScriptVersion',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('script', fields.ForeignKeyField('refund_gql.Script', source_field='script_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('number', fields.IntField()),
                ('texts', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('reasons', fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads)),
                ('desks', fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads)),
                ('author', fields.CharField(max_length=64)),
                ('author_name', fields.CharField(default='', max_length=200)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'script_version', 'app': 'refund_gql', 'unique_together': (('script', 'number'),), 'pk_attr': 'id', 'table_description': 'What a canned text says, or said. Never edited.'},
            bases=['ShopRow'],
        ),
        ops.AlterField(
            model_name='Event',
            name='type',
            field=fields.CharEnumField(description='REQUESTED: REQUESTED\nSPLIT: SPLIT\nAPPROVED_INSTANTLY: APPROVED_INSTANTLY\nREFUND_FIRST_GRANTED: REFUND_FIRST_GRANTED\nSENT_TO_REVIEW: SENT_TO_REVIEW\nEVIDENCE_REQUESTED: EVIDENCE_REQUESTED\nEVIDENCE_PROVIDED: EVIDENCE_PROVIDED\nREFUND_ONLY_APPROVED: REFUND_ONLY_APPROVED\nRETURN_APPROVED: RETURN_APPROVED\nREFUND_FIRST_PROPOSED: REFUND_FIRST_PROPOSED\nREJECTED: REJECTED\nWAREHOUSE_CONFIRMED: WAREHOUSE_CONFIRMED\nGOODS_FOUND_WITH_CUSTOMER: GOODS_FOUND_WITH_CUSTOMER\nRETURN_SHIPPED: RETURN_SHIPPED\nRETURN_RECEIVED: RETURN_RECEIVED\nINSPECTION_PASSED: INSPECTION_PASSED\nINSPECTION_REFUSED: INSPECTION_REFUSED\nFINANCE_APPROVED: FINANCE_APPROVED\nFINANCE_SENT_BACK: FINANCE_SENT_BACK\nPAYMENT_STARTED: PAYMENT_STARTED\nPAYOUT_PARKED: PAYOUT_PARKED\nPAYOUT_RESUMED: PAYOUT_RESUMED\nPAYOUT_SUCCEEDED: PAYOUT_SUCCEEDED\nREFUNDED: REFUNDED\nPAYMENT_STUCK: PAYMENT_STUCK\nPAYMENT_RETRIED: PAYMENT_RETRIED\nPAYMENT_REVERSED: PAYMENT_REVERSED\nCANCELLED: CANCELLED\nCOUPON_ISSUED: COUPON_ISSUED\nCOUPON_REVOKED: COUPON_REVOKED\nPOINTS_RESTORED: POINTS_RESTORED\nCOUPON_RESTORED: COUPON_RESTORED\nGOODS_AWAITED: GOODS_AWAITED\nRETURN_SCANNED: RETURN_SCANNED\nRETURN_REMINDED: RETURN_REMINDED\nCLAIM_OPENED: CLAIM_OPENED\nCLAIM_CHANGED: CLAIM_CHANGED\nCLAIM_SETTLED: CLAIM_SETTLED\nCLAIM_WRITTEN_OFF: CLAIM_WRITTEN_OFF\nIMPORTED: IMPORTED\nREASON_FOUND: REASON_FOUND\nROUTED: ROUTED\nSENT_TO_WAREHOUSE: SENT_TO_WAREHOUSE\nSENT_TO_FINANCE: SENT_TO_FINANCE\nESCALATED: ESCALATED\nPRIORITY_LOWERED: PRIORITY_LOWERED\nMESSAGE_REQUESTED: MESSAGE_REQUESTED\nASSIGNED: ASSIGNED\nUNASSIGNED: UNASSIGNED\nNOTED: NOTED', enum_type=EventType, max_length=40),
        ),
        ops.AddField(
            model_name='Refund',
            name='assign_wanted',
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.AddField(
            model_name='Refund',
            name='desk',
            field=fields.CharEnumField(null=True, description='FIRST_REVIEW: FIRST_REVIEW\nWAREHOUSE: WAREHOUSE\nFINANCE: FINANCE\nSTUCK_MONEY: STUCK_MONEY', enum_type=Desk, max_length=40),
        ),
        ops.AddField(
            model_name='Refund',
            name='desk_since',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddIndex(
            model_name='Refund',
            index=Index(fields=['desk', 'shop_id', 'desk_since']),
        ),
        ops.AddConstraint(
            model_name='Refund',
            constraint=CheckConstraint(check='(desk IS NULL) = (desk_since IS NULL)', name='refund_waits_at_a_desk_since'),
        ),
        ops.AddConstraint(
            model_name='Refund',
            constraint=CheckConstraint(check='NOT assign_wanted OR (desk IS NOT NULL AND assignee_id IS NULL)', name='refund_is_dealt_out_at_a_desk'),
        ),
        ops.AddField(
            model_name='Shop',
            name='auto_assign',
            field=fields.CharEnumField(default=AutoAssign.OFF, description='OFF: OFF\nBY_LOAD: BY_LOAD', db_default=SqlDefault("'OFF'"), enum_type=AutoAssign, max_length=40),
        ),
        ops.AddField(
            model_name='Staff',
            name='available',
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.AddField(
            model_name='Staff',
            name='last_case_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.RunSQL(
            [
                'alter table "script" add constraint script_version_positive check (version > 0)',
                # The refunds that wait already; the table of desks is `refund_gql.desks`.
                """
                update refund r set
                       desk = case r.status when 'REVIEW' then 'FIRST_REVIEW'
                                            when 'FINANCE_REVIEW' then 'FINANCE'
                                            when 'PAYMENT_STUCK' then 'STUCK_MONEY'
                                            else 'WAREHOUSE' end,
                       desk_since = coalesce((
                           select e.at from event e left join event previous
                               on previous.refund_id = e.refund_id
                              and previous.version = e.version - 1
                            where e.refund_id = r.id and e.status is distinct from previous.status
                            order by e.version desc limit 1), r.requested_at)
                 where r.status in ('REVIEW', 'WAREHOUSE_CHECK', 'INSPECTION', 'FINANCE_REVIEW',
                                    'PAYMENT_STUCK')
                    or (r.goods_later and r.status in ('APPROVED', 'PAYING', 'REFUNDED')
                        and (select g.status from goods_return g where g.refund_id = r.id
                              order by g.opened_at desc, g.id desc limit 1) = 'RECEIVED')
                """,
            ],
            ops.RunSQL.noop,
        ),
    ]
