from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from refund_gql.choices import ClockState, DeadlineAction, DeadlineStage, DeadlineUnit
from refund_gql.events import EventType
from refund_gql.models.row import new_id
from refund_gql.states import Step
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import SqlDefault
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('refund_gql', '0001_initial')]

    initial = False

    operations = [
        ops.CreateModel(
            name='BusinessCalendar',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('number', fields.IntField()),
                ('weekly', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('days', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('author', fields.CharField(max_length=64)),
                ('author_name', fields.CharField(default='', max_length=200)),
                ('since', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'business_calendar', 'app': 'refund_gql', 'unique_together': (('shop', 'number'),), 'pk_attr': 'id', 'table_description': 'When the shop is open, from then on. Append-only: what was open in the past stays known.'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='Clock',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('refund', fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('stage', fields.CharEnumField(description='FIRST_RESPONSE: FIRST_RESPONSE\nREVIEW: REVIEW\nWAREHOUSE_CHECK: WAREHOUSE_CHECK\nCUSTOMER_SHIPS: CUSTOMER_SHIPS\nINSPECTION: INSPECTION\nFINANCE: FINANCE\nCUSTOMER_ANSWERS: CUSTOMER_ANSWERS', enum_type=DeadlineStage, max_length=40)),
                ('state', fields.CharEnumField(default=ClockState.RUNNING, description='RUNNING: RUNNING\nPAUSED: PAUSED\nMET: MET\nBREACHED: BREACHED\nCANCELLED: CANCELLED', enum_type=ClockState, max_length=40)),
                ('policy', fields.IntField()),
                ('open_time', fields.BooleanField()),
                ('started_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('due_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('warn_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('next_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('warn_left_seconds', fields.IntField(null=True)),
                ('left_seconds', fields.IntField(null=True)),
                ('paused_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('paused_seconds', fields.IntField(default=0)),
                ('warned_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('fired_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('ended_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'clock', 'app': 'refund_gql', 'constraints': [CheckConstraint(check="(paused_at IS NOT NULL) = (state = 'PAUSED') AND (left_seconds IS NOT NULL) = (state = 'PAUSED')", name='clock_pause_is_whole'), CheckConstraint(check="next_at IS NULL OR (state = 'RUNNING' AND ended_at IS NULL)", name='clock_looked_at_while_it_runs'), CheckConstraint(check="ended_at IS NOT NULL OR state IN ('RUNNING', 'PAUSED', 'BREACHED')", name='clock_that_is_over_has_an_end'), UniqueConstraint(fields=('refund_id', 'stage'), name='one_open_clock_per_stage', condition='ended_at IS NULL')], 'indexes': [Index(fields=['next_at']), Index(fields=['shop_id', 'due_at', 'id']), Index(fields=['shop_id', 'started_at'])], 'pk_attr': 'id', 'table_description': "One stage of one refund against its deadline. The refund's lock guards it."},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='DeadlinePolicy',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('stage', fields.CharEnumField(description='FIRST_RESPONSE: FIRST_RESPONSE\nREVIEW: REVIEW\nWAREHOUSE_CHECK: WAREHOUSE_CHECK\nCUSTOMER_SHIPS: CUSTOMER_SHIPS\nINSPECTION: INSPECTION\nFINANCE: FINANCE\nCUSTOMER_ANSWERS: CUSTOMER_ANSWERS', enum_type=DeadlineStage, max_length=40)),
                ('number', fields.IntField()),
                ('amount', fields.IntField()),
                ('unit', fields.CharEnumField(description='MINUTES: MINUTES\nHOURS: HOURS\nDAYS: DAYS\nBUSINESS_DAYS: BUSINESS_DAYS', enum_type=DeadlineUnit, max_length=40)),
                ('business_hours_only', fields.BooleanField()),
                ('warn_percent', fields.IntField(null=True)),
                ('action', fields.CharEnumField(description='ESCALATE: ESCALATE\nAPPROVE: APPROVE\nREMIND: REMIND\nCLOSE: CLOSE\nNONE: NONE', enum_type=DeadlineAction, max_length=40)),
                ('approve_most', fields.BigIntField(default=0)),
                ('author', fields.CharField(max_length=64)),
                ('author_name', fields.CharField(default='', max_length=200)),
                ('since', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'deadline_policy', 'app': 'refund_gql', 'unique_together': (('shop', 'stage', 'number'),), 'constraints': [CheckConstraint(check='amount > 0', name='deadline_policy_amount_positive'), CheckConstraint(check='warn_percent BETWEEN 1 AND 99', name='deadline_policy_warns_before'), CheckConstraint(check='approve_most >= 0', name='deadline_policy_most_not_negative')], 'pk_attr': 'id', 'table_description': 'How long one stage may take, and what happens then. Append-only: a clock keeps the version'},
            bases=['ShopRow'],
        ),
        ops.AlterField(
            model_name='Decision',
            name='step',
            field=fields.CharEnumField(description='SUBMIT: SUBMIT\nAPPROVE_INSTANTLY: APPROVE_INSTANTLY\nAPPROVE_FIRST_INSTANTLY: APPROVE_FIRST_INSTANTLY\nSEND_TO_REVIEW: SEND_TO_REVIEW\nROUTE_TO_WAREHOUSE: ROUTE_TO_WAREHOUSE\nROUTE_TO_FINANCE: ROUTE_TO_FINANCE\nAPPROVE_RETURN_INSTANTLY: APPROVE_RETURN_INSTANTLY\nREQUEST_EVIDENCE: REQUEST_EVIDENCE\nPROVIDE_EVIDENCE: PROVIDE_EVIDENCE\nAPPROVE_REFUND_ONLY: APPROVE_REFUND_ONLY\nAPPROVE_UNSENT: APPROVE_UNSENT\nAPPROVE_RETURN: APPROVE_RETURN\nAPPROVE_FIRST: APPROVE_FIRST\nREJECT: REJECT\nCONFIRM_GOODS_GONE: CONFIRM_GOODS_GONE\nFIND_GOODS_WITH_CUSTOMER: FIND_GOODS_WITH_CUSTOMER\nSHIP_RETURN: SHIP_RETURN\nRECEIVE_RETURN: RECEIVE_RETURN\nPASS_INSPECTION: PASS_INSPECTION\nREFUSE_INSPECTION: REFUSE_INSPECTION\nAPPROVE_FINANCE: APPROVE_FINANCE\nSEND_BACK: SEND_BACK\nSTART_PAYMENT: START_PAYMENT\nCOMPLETE_PAYMENT: COMPLETE_PAYMENT\nHALT_PAYMENT: HALT_PAYMENT\nRETRY_PAYMENT: RETRY_PAYMENT\nREVERSE_PAYMENT: REVERSE_PAYMENT\nCANCEL: CANCEL\nEXPIRE: EXPIRE', enum_type=Step, max_length=40),
        ),
        ops.AlterField(
            model_name='Event',
            name='type',
            field=fields.CharEnumField(description='REQUESTED: REQUESTED\nSPLIT: SPLIT\nAPPROVED_INSTANTLY: APPROVED_INSTANTLY\nREFUND_FIRST_GRANTED: REFUND_FIRST_GRANTED\nSENT_TO_REVIEW: SENT_TO_REVIEW\nEVIDENCE_REQUESTED: EVIDENCE_REQUESTED\nEVIDENCE_PROVIDED: EVIDENCE_PROVIDED\nREFUND_ONLY_APPROVED: REFUND_ONLY_APPROVED\nRETURN_APPROVED: RETURN_APPROVED\nREFUND_FIRST_PROPOSED: REFUND_FIRST_PROPOSED\nREJECTED: REJECTED\nWAREHOUSE_CONFIRMED: WAREHOUSE_CONFIRMED\nGOODS_FOUND_WITH_CUSTOMER: GOODS_FOUND_WITH_CUSTOMER\nRETURN_SHIPPED: RETURN_SHIPPED\nRETURN_RECEIVED: RETURN_RECEIVED\nINSPECTION_PASSED: INSPECTION_PASSED\nINSPECTION_REFUSED: INSPECTION_REFUSED\nFINANCE_APPROVED: FINANCE_APPROVED\nFINANCE_SENT_BACK: FINANCE_SENT_BACK\nPAYMENT_STARTED: PAYMENT_STARTED\nPAYOUT_PARKED: PAYOUT_PARKED\nPAYOUT_RESUMED: PAYOUT_RESUMED\nPAYOUT_SUCCEEDED: PAYOUT_SUCCEEDED\nREFUNDED: REFUNDED\nPAYMENT_STUCK: PAYMENT_STUCK\nPAYMENT_RETRIED: PAYMENT_RETRIED\nPAYMENT_REVERSED: PAYMENT_REVERSED\nCANCELLED: CANCELLED\nCOUPON_ISSUED: COUPON_ISSUED\nCOUPON_REVOKED: COUPON_REVOKED\nPOINTS_RESTORED: POINTS_RESTORED\nCOUPON_RESTORED: COUPON_RESTORED\nGOODS_AWAITED: GOODS_AWAITED\nRETURN_SCANNED: RETURN_SCANNED\nRETURN_REMINDED: RETURN_REMINDED\nCLAIM_OPENED: CLAIM_OPENED\nCLAIM_CHANGED: CLAIM_CHANGED\nCLAIM_SETTLED: CLAIM_SETTLED\nCLAIM_WRITTEN_OFF: CLAIM_WRITTEN_OFF\nIMPORTED: IMPORTED\nREASON_FOUND: REASON_FOUND\nROUTED: ROUTED\nSENT_TO_WAREHOUSE: SENT_TO_WAREHOUSE\nSENT_TO_FINANCE: SENT_TO_FINANCE\nESCALATED: ESCALATED\nPRIORITY_LOWERED: PRIORITY_LOWERED\nMESSAGE_REQUESTED: MESSAGE_REQUESTED\nCLOCK_WARNED: CLOCK_WARNED\nCLOCK_BREACHED: CLOCK_BREACHED\nSHIPPING_REMINDED: SHIPPING_REMINDED\nEVIDENCE_REMINDED: EVIDENCE_REMINDED\nEXPIRED: EXPIRED', enum_type=EventType, max_length=40),
        ),
        # Tortoise leaves the constraints of CreateModel out.
        ops.RunSQL(
            [
                'alter table "deadline_policy" add constraint deadline_policy_amount_positive check (amount > 0)',
                'alter table "deadline_policy" add constraint deadline_policy_warns_before check (warn_percent BETWEEN 1 AND 99)',
                'alter table "deadline_policy" add constraint deadline_policy_most_not_negative check (approve_most >= 0)',
                'alter table "clock" add constraint clock_pause_is_whole check ((paused_at IS NOT NULL) = (state = \'PAUSED\') AND (left_seconds IS NOT NULL) = (state = \'PAUSED\'))',
                'alter table "clock" add constraint clock_looked_at_while_it_runs check (next_at IS NULL OR (state = \'RUNNING\' AND ended_at IS NULL))',
                'alter table "clock" add constraint clock_that_is_over_has_an_end check (ended_at IS NOT NULL OR state IN (\'RUNNING\', \'PAUSED\', \'BREACHED\'))',
                'create unique index one_open_clock_per_stage on "clock" (refund_id, stage) where ended_at IS NULL',
            ],
            ops.RunSQL.noop,
        ),
    ]
