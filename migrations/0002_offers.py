from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from refund_gql.choices import CouponPurpose, DiscretionStatus, DiscretionStep, OfferKind, OfferState, Purpose, ReturnPayer
from refund_gql.events import EventType
from refund_gql.models.row import new_id
from refund_gql.roles import Role
from refund_gql.states import RefundStatus, Step
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
            name='Budget',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('staff', fields.ForeignKeyField('refund_gql.Staff', source_field='staff_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('role', fields.CharEnumField(null=True, description='OWNER: OWNER\nAGENT: AGENT\nWAREHOUSE: WAREHOUSE\nFINANCE: FINANCE\nANALYST: ANALYST\nSERVICE: SERVICE\nCUSTOMER: CUSTOMER\nSYSTEM: SYSTEM', enum_type=Role, max_length=40)),
                ('purpose', fields.CharEnumField(description='APPROVAL: APPROVAL\nCOMPENSATION: COMPENSATION', enum_type=Purpose, max_length=40)),
                ('per_case', fields.BigIntField(null=True)),
                ('per_day', fields.BigIntField(null=True)),
                ('per_month', fields.BigIntField(null=True)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'budget', 'app': 'refund_gql', 'constraints': [CheckConstraint(check='(staff_id IS NULL) <> (role IS NULL)', name='budget_of_a_person_or_a_role'), CheckConstraint(check='(per_case IS NULL OR per_case >= 0) AND (per_day IS NULL OR per_day >= 0) AND (per_month IS NULL OR per_month >= 0)', name='budget_not_negative'), UniqueConstraint(fields=('staff_id', 'purpose'), name='one_budget_per_person_and_purpose', condition='staff_id IS NOT NULL'), UniqueConstraint(fields=('shop_id', 'role', 'purpose'), name='one_budget_per_role_and_purpose', condition='role IS NOT NULL')], 'pk_attr': 'id', 'table_description': 'The limits of one member of staff, or of everybody of a role who has none of their own.'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='DiscretionEntry',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('staff', fields.ForeignKeyField('refund_gql.Staff', source_field='staff_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('refund', fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('coupon', fields.ForeignKeyField('refund_gql.Coupon', source_field='coupon_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('purpose', fields.CharEnumField(description='APPROVAL: APPROVAL\nCOMPENSATION: COMPENSATION', enum_type=Purpose, max_length=40)),
                ('amount', fields.BigIntField()),
                ('currency', fields.CharField(max_length=3)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('reversed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'discretion_entry', 'app': 'refund_gql', 'constraints': [CheckConstraint(check='amount > 0', name='discretion_entry_positive')], 'indexes': [Index(fields=['staff_id', 'purpose', 'at']), Index(fields=['shop_id', 'at', 'id'])], 'pk_attr': 'id', 'table_description': "What one decision took of somebody's budget; reversed when it came to nothing."},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='DiscretionTask',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('refund', fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('staff', fields.ForeignKeyField('refund_gql.Staff', source_field='staff_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('step', fields.CharEnumField(description='APPROVE: APPROVE\nAPPROVE_FIRST: APPROVE_FIRST\nPROPOSE_OFFERS: PROPOSE_OFFERS\nACCEPT_COUNTER: ACCEPT_COUNTER\nISSUE_COUPON: ISSUE_COUPON', enum_type=DiscretionStep, max_length=40)),
                ('input', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('status', fields.CharEnumField(default=DiscretionStatus.OPEN, description='OPEN: OPEN\nAPPROVED: APPROVED\nREFUSED: REFUSED\nOBSOLETE: OBSOLETE', enum_type=DiscretionStatus, max_length=40)),
                ('purpose', fields.CharEnumField(description='APPROVAL: APPROVAL\nCOMPENSATION: COMPENSATION', enum_type=Purpose, max_length=40)),
                ('amount', fields.BigIntField()),
                ('currency', fields.CharField(max_length=3)),
                ('reason', fields.TextField(default='', unique=False)),
                ('asked_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('decided_by', fields.ForeignKeyField('refund_gql.Staff', source_field='decided_by_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('decided_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('answer', fields.TextField(default='', unique=False)),
            ],
            options={'table': 'discretion_task', 'app': 'refund_gql', 'constraints': [CheckConstraint(check="(decided_at IS NULL) = (status = 'OPEN')", name='discretion_task_decided_once'), CheckConstraint(check='decided_by_id IS NULL OR decided_by_id <> staff_id', name='discretion_task_decided_by_another'), UniqueConstraint(fields=('refund_id', 'staff_id', 'step'), name='one_open_discretion_task', condition="status = 'OPEN'")], 'indexes': [Index(fields=['shop_id', 'asked_at', 'id'])], 'pk_attr': 'id', 'table_description': "A step that was beyond somebody's budget, for a colleague with more."},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='OfferLadder',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('refund', fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('state', fields.CharEnumField(default=OfferState.OPEN, description='OPEN: OPEN\nACCEPTED: ACCEPTED\nDECLINED: DECLINED\nCOUNTERED: COUNTERED\nEXPIRED: EXPIRED\nWITHDRAWN: WITHDRAWN', enum_type=OfferState, max_length=40)),
                ('message', fields.TextField(default='', unique=False)),
                ('proposed_by', fields.CharField(max_length=64)),
                ('proposed_by_name', fields.CharField(default='', max_length=200)),
                ('inspected', fields.BooleanField(default=False)),
                ('asked_goods', fields.BigIntField()),
                ('asked_shipping', fields.BigIntField()),
                ('asked_lines', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('currency', fields.CharField(max_length=3)),
                ('counter_amount', fields.BigIntField(null=True)),
                ('counter_note', fields.TextField(default='', unique=False)),
                ('proposed_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('closed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'offer_ladder', 'app': 'refund_gql', 'constraints': [CheckConstraint(check='asked_goods >= 0 AND asked_shipping >= 0 AND proposed_at < expires_at', name='offer_ladder_in_range'), CheckConstraint(check="(closed_at IS NULL) = (state = 'OPEN')", name='offer_ladder_closed_once'), CheckConstraint(check='counter_amount IS NULL OR (counter_amount > 0 AND counter_amount <= asked_goods + asked_shipping)', name='offer_ladder_counter_in_range'), UniqueConstraint(fields=('refund_id',), name='one_open_ladder_per_refund', condition="state = 'OPEN'"), UniqueConstraint(fields=('refund_id',), name='one_counter_per_refund', condition='counter_amount IS NOT NULL')], 'indexes': [Index(fields=['shop_id', 'proposed_at', 'id'])], 'pk_attr': 'id', 'table_description': 'One to five offers that were made together; a customer takes one of them at most.'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='Offer',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('refund', fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('ladder', fields.ForeignKeyField('refund_gql.OfferLadder', source_field='ladder_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('rank', fields.IntField()),
                ('kind', fields.CharEnumField(description='FULL_WITH_RETURN: FULL_WITH_RETURN\nKEEP_AND_COMPENSATE: KEEP_AND_COMPENSATE\nPARTIAL: PARTIAL\nEXCHANGE_COUPON: EXCHANGE_COUPON', enum_type=OfferKind, max_length=40)),
                ('state', fields.CharEnumField(default=OfferState.OPEN, description='OPEN: OPEN\nACCEPTED: ACCEPTED\nDECLINED: DECLINED\nCOUNTERED: COUNTERED\nEXPIRED: EXPIRED\nWITHDRAWN: WITHDRAWN', enum_type=OfferState, max_length=40)),
                ('amount', fields.BigIntField()),
                ('currency', fields.CharField(max_length=3)),
                ('line_amounts', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('coupon_amount', fields.BigIntField(default=0)),
                ('coupon_bonus', fields.BigIntField(default=0)),
                ('coupon_days', fields.IntField(null=True)),
                ('return_payer', fields.CharEnumField(null=True, description='SHOP: SHOP\nCUSTOMER: CUSTOMER', enum_type=ReturnPayer, max_length=40)),
                ('texts', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('guides', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('cost', fields.BigIntField()),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'offer', 'app': 'refund_gql', 'unique_together': (('ladder', 'rank'),), 'constraints': [CheckConstraint(check='rank >= 1 AND amount >= 0 AND coupon_amount >= 0 AND coupon_bonus >= 0 AND cost >= 0', name='offer_in_range'), CheckConstraint(check="(kind = 'EXCHANGE_COUPON') = (amount = 0) AND (kind = 'EXCHANGE_COUPON') = (coupon_amount > 0)", name='offer_is_money_or_a_coupon'), CheckConstraint(check="(kind = 'FULL_WITH_RETURN') = (return_payer IS NOT NULL)", name='offer_return_has_a_payer'), UniqueConstraint(fields=('ladder_id',), name='one_accepted_offer_per_ladder', condition="state = 'ACCEPTED'")], 'pk_attr': 'id', 'table_description': 'One way out on a ladder.'},
            bases=['ShopRow'],
        ),
        ops.AlterField(
            model_name='Coupon',
            name='purpose',
            field=fields.CharEnumField(description='GIFT: GIFT\nCOMPENSATION: COMPENSATION\nRESTITUTION: RESTITUTION\nEXCHANGE: EXCHANGE', enum_type=CouponPurpose, max_length=40),
        ),
        ops.AlterField(
            model_name='Decision',
            name='step',
            field=fields.CharEnumField(description='SUBMIT: SUBMIT\nAPPROVE_INSTANTLY: APPROVE_INSTANTLY\nAPPROVE_FIRST_INSTANTLY: APPROVE_FIRST_INSTANTLY\nSEND_TO_REVIEW: SEND_TO_REVIEW\nROUTE_TO_WAREHOUSE: ROUTE_TO_WAREHOUSE\nROUTE_TO_FINANCE: ROUTE_TO_FINANCE\nAPPROVE_RETURN_INSTANTLY: APPROVE_RETURN_INSTANTLY\nREQUEST_EVIDENCE: REQUEST_EVIDENCE\nPROVIDE_EVIDENCE: PROVIDE_EVIDENCE\nAPPROVE_REFUND_ONLY: APPROVE_REFUND_ONLY\nAPPROVE_UNSENT: APPROVE_UNSENT\nAPPROVE_RETURN: APPROVE_RETURN\nAPPROVE_FIRST: APPROVE_FIRST\nREJECT: REJECT\nCONFIRM_GOODS_GONE: CONFIRM_GOODS_GONE\nFIND_GOODS_WITH_CUSTOMER: FIND_GOODS_WITH_CUSTOMER\nSHIP_RETURN: SHIP_RETURN\nRECEIVE_RETURN: RECEIVE_RETURN\nPASS_INSPECTION: PASS_INSPECTION\nREFUSE_INSPECTION: REFUSE_INSPECTION\nAPPROVE_FINANCE: APPROVE_FINANCE\nSEND_BACK: SEND_BACK\nSTART_PAYMENT: START_PAYMENT\nCOMPLETE_PAYMENT: COMPLETE_PAYMENT\nHALT_PAYMENT: HALT_PAYMENT\nRETRY_PAYMENT: RETRY_PAYMENT\nREVERSE_PAYMENT: REVERSE_PAYMENT\nCANCEL: CANCEL\nPROPOSE_OFFERS: PROPOSE_OFFERS\nPROPOSE_OFFERS_INSTANTLY: PROPOSE_OFFERS_INSTANTLY\nOFFER_REDUCTION: OFFER_REDUCTION\nACCEPT_RETURN_OFFER: ACCEPT_RETURN_OFFER\nACCEPT_MONEY_OFFER: ACCEPT_MONEY_OFFER\nACCEPT_COUPON_OFFER: ACCEPT_COUPON_OFFER\nDECLINE_OFFERS: DECLINE_OFFERS\nCOUNTER_OFFERS: COUNTER_OFFERS\nEXPIRE_OFFERS: EXPIRE_OFFERS\nWITHDRAW_OFFERS: WITHDRAW_OFFERS\nACCEPT_COUNTER: ACCEPT_COUNTER', enum_type=Step, max_length=40),
        ),
        ops.AlterField(
            model_name='Event',
            name='status',
            field=fields.CharEnumField(description='REQUESTED: REQUESTED\nREVIEW: REVIEW\nWAREHOUSE_CHECK: WAREHOUSE_CHECK\nAWAITING_RETURN: AWAITING_RETURN\nRETURNING: RETURNING\nINSPECTION: INSPECTION\nFINANCE_REVIEW: FINANCE_REVIEW\nAPPROVED: APPROVED\nPAYING: PAYING\nPAYMENT_STUCK: PAYMENT_STUCK\nREFUNDED: REFUNDED\nREJECTED: REJECTED\nNEGOTIATING: NEGOTIATING\nSETTLED: SETTLED\nCANCELLED: CANCELLED', enum_type=RefundStatus, max_length=40),
        ),
        ops.AlterField(
            model_name='Event',
            name='type',
            field=fields.CharEnumField(description='REQUESTED: REQUESTED\nSPLIT: SPLIT\nAPPROVED_INSTANTLY: APPROVED_INSTANTLY\nREFUND_FIRST_GRANTED: REFUND_FIRST_GRANTED\nSENT_TO_REVIEW: SENT_TO_REVIEW\nEVIDENCE_REQUESTED: EVIDENCE_REQUESTED\nEVIDENCE_PROVIDED: EVIDENCE_PROVIDED\nREFUND_ONLY_APPROVED: REFUND_ONLY_APPROVED\nRETURN_APPROVED: RETURN_APPROVED\nREFUND_FIRST_PROPOSED: REFUND_FIRST_PROPOSED\nREJECTED: REJECTED\nWAREHOUSE_CONFIRMED: WAREHOUSE_CONFIRMED\nGOODS_FOUND_WITH_CUSTOMER: GOODS_FOUND_WITH_CUSTOMER\nRETURN_SHIPPED: RETURN_SHIPPED\nRETURN_RECEIVED: RETURN_RECEIVED\nINSPECTION_PASSED: INSPECTION_PASSED\nINSPECTION_REFUSED: INSPECTION_REFUSED\nFINANCE_APPROVED: FINANCE_APPROVED\nFINANCE_SENT_BACK: FINANCE_SENT_BACK\nPAYMENT_STARTED: PAYMENT_STARTED\nPAYOUT_PARKED: PAYOUT_PARKED\nPAYOUT_RESUMED: PAYOUT_RESUMED\nPAYOUT_SUCCEEDED: PAYOUT_SUCCEEDED\nREFUNDED: REFUNDED\nPAYMENT_STUCK: PAYMENT_STUCK\nPAYMENT_RETRIED: PAYMENT_RETRIED\nPAYMENT_REVERSED: PAYMENT_REVERSED\nCANCELLED: CANCELLED\nCOUPON_ISSUED: COUPON_ISSUED\nCOUPON_REVOKED: COUPON_REVOKED\nPOINTS_RESTORED: POINTS_RESTORED\nCOUPON_RESTORED: COUPON_RESTORED\nGOODS_AWAITED: GOODS_AWAITED\nRETURN_SCANNED: RETURN_SCANNED\nRETURN_REMINDED: RETURN_REMINDED\nCLAIM_OPENED: CLAIM_OPENED\nCLAIM_CHANGED: CLAIM_CHANGED\nCLAIM_SETTLED: CLAIM_SETTLED\nCLAIM_WRITTEN_OFF: CLAIM_WRITTEN_OFF\nIMPORTED: IMPORTED\nREASON_FOUND: REASON_FOUND\nROUTED: ROUTED\nSENT_TO_WAREHOUSE: SENT_TO_WAREHOUSE\nSENT_TO_FINANCE: SENT_TO_FINANCE\nESCALATED: ESCALATED\nPRIORITY_LOWERED: PRIORITY_LOWERED\nMESSAGE_REQUESTED: MESSAGE_REQUESTED\nOFFERED: OFFERED\nOFFER_ACCEPTED: OFFER_ACCEPTED\nOFFER_DECLINED: OFFER_DECLINED\nOFFER_COUNTERED: OFFER_COUNTERED\nOFFER_EXPIRED: OFFER_EXPIRED\nOFFER_WITHDRAWN: OFFER_WITHDRAWN\nCOUNTER_ACCEPTED: COUNTER_ACCEPTED\nDISCRETION_REQUESTED: DISCRETION_REQUESTED\nDISCRETION_REFUSED: DISCRETION_REFUSED', enum_type=EventType, max_length=40),
        ),
        ops.AlterField(
            model_name='Refund',
            name='status',
            field=fields.CharEnumField(description='REQUESTED: REQUESTED\nREVIEW: REVIEW\nWAREHOUSE_CHECK: WAREHOUSE_CHECK\nAWAITING_RETURN: AWAITING_RETURN\nRETURNING: RETURNING\nINSPECTION: INSPECTION\nFINANCE_REVIEW: FINANCE_REVIEW\nAPPROVED: APPROVED\nPAYING: PAYING\nPAYMENT_STUCK: PAYMENT_STUCK\nREFUNDED: REFUNDED\nREJECTED: REJECTED\nNEGOTIATING: NEGOTIATING\nSETTLED: SETTLED\nCANCELLED: CANCELLED', enum_type=RefundStatus, max_length=40),
        ),
        ops.AddField(
            model_name='Shop',
            name='offer_hours',
            field=fields.IntField(default=48, db_default=48),
        ),
        ops.AddField(
            model_name='Shop',
            name='reduction_offer_threshold',
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name='Shop',
            name='return_cost',
            field=fields.BigIntField(default=0, db_default=0),
        ),
        ops.AddConstraint(
            model_name='Shop',
            constraint=CheckConstraint(check='offer_hours BETWEEN 1 AND 720 AND return_cost >= 0 AND (reduction_offer_threshold IS NULL OR reduction_offer_threshold >= 0)', name='shop_offers_in_range'),
        ),
        # Tortoise leaves the constraints of CreateModel out.
        ops.RunSQL(
            [
                'alter table "budget" add constraint budget_of_a_person_or_a_role check ((staff_id IS NULL) <> (role IS NULL))',
                'alter table "budget" add constraint budget_not_negative check ((per_case IS NULL OR per_case >= 0) AND (per_day IS NULL OR per_day >= 0) AND (per_month IS NULL OR per_month >= 0))',
                'create unique index one_budget_per_person_and_purpose on "budget" (staff_id, purpose) where staff_id IS NOT NULL',
                'create unique index one_budget_per_role_and_purpose on "budget" (shop_id, role, purpose) where role IS NOT NULL',
                'alter table "discretion_entry" add constraint discretion_entry_positive check (amount > 0)',
                'alter table "discretion_task" add constraint discretion_task_decided_once check ((decided_at IS NULL) = (status = \'OPEN\'))',
                'alter table "discretion_task" add constraint discretion_task_decided_by_another check (decided_by_id IS NULL OR decided_by_id <> staff_id)',
                'create unique index one_open_discretion_task on "discretion_task" (refund_id, staff_id, step) where status = \'OPEN\'',
                'alter table "offer_ladder" add constraint offer_ladder_in_range check (asked_goods >= 0 AND asked_shipping >= 0 AND proposed_at < expires_at)',
                'alter table "offer_ladder" add constraint offer_ladder_closed_once check ((closed_at IS NULL) = (state = \'OPEN\'))',
                'alter table "offer_ladder" add constraint offer_ladder_counter_in_range check (counter_amount IS NULL OR (counter_amount > 0 AND counter_amount <= asked_goods + asked_shipping))',
                'create unique index one_open_ladder_per_refund on "offer_ladder" (refund_id) where state = \'OPEN\'',
                'create unique index one_counter_per_refund on "offer_ladder" (refund_id) where counter_amount IS NOT NULL',
                'alter table "offer" add constraint offer_in_range check (rank >= 1 AND amount >= 0 AND coupon_amount >= 0 AND coupon_bonus >= 0 AND cost >= 0)',
                'alter table "offer" add constraint offer_is_money_or_a_coupon check ((kind = \'EXCHANGE_COUPON\') = (amount = 0) AND (kind = \'EXCHANGE_COUPON\') = (coupon_amount > 0))',
                'alter table "offer" add constraint offer_return_has_a_payer check ((kind = \'FULL_WITH_RETURN\') = (return_payer IS NOT NULL))',
                'create unique index one_accepted_offer_per_ladder on "offer" (ladder_id) where state = \'ACCEPTED\'',
            ],
            ops.RunSQL.noop,
        ),
    ]
