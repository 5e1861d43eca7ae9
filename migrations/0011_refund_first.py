from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from refund_gql.events import EventType
from refund_gql.models.row import new_id
from refund_gql.choices import ClaimReason, ClaimStatus, ExposureRelease
from refund_gql.states import Step
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import SqlDefault
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('refund_gql', '0010_aftercare')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Exposure',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('refund', fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('customer', fields.ForeignKeyField('refund_gql.Customer', source_field='customer_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('tier', fields.CharField(null=True, max_length=64)),
                ('amount', fields.BigIntField()),
                ('currency', fields.CharField(max_length=3)),
                ('allowed', fields.BigIntField()),
                ('opened_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('due_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('final_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('reminded_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('released_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('release', fields.CharEnumField(null=True, description='SCANNED: SCANNED\nRECEIVED: RECEIVED\nCLAIMED: CLAIMED', enum_type=ExposureRelease, max_length=40)),
            ],
            options={'table': 'exposure', 'app': 'refund_gql', 'unique_together': (('shop', 'refund'),), 'constraints': [CheckConstraint(check='amount > 0 AND allowed >= 0', name='exposure_amount_positive'), CheckConstraint(check='opened_at < due_at AND due_at <= final_at', name='exposure_dates_in_order'), CheckConstraint(check='(released_at IS NULL) = (release IS NULL)', name='exposure_released_for_a_reason')], 'indexes': [Index(fields=['shop_id', 'opened_at', 'id'])], 'pk_attr': 'id', 'table_description': 'One refund that was paid before its goods came back.'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='GoodsClaim',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('refund', fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('customer', fields.ForeignKeyField('refund_gql.Customer', source_field='customer_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('amount', fields.BigIntField()),
                ('currency', fields.CharField(max_length=3)),
                ('reason', fields.CharEnumField(description='OVERDUE: OVERDUE\nINSPECTION: INSPECTION\nREPORTED: REPORTED', enum_type=ClaimReason, max_length=40)),
                ('status', fields.CharEnumField(default=ClaimStatus.OPEN, description='OPEN: OPEN\nSETTLED: SETTLED\nWRITTEN_OFF: WRITTEN_OFF', enum_type=ClaimStatus, max_length=40)),
                ('opened_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('opened_by', fields.CharField(max_length=64)),
                ('closed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('closed_by', fields.CharField(null=True, max_length=64)),
                ('closed_by_name', fields.CharField(default='', max_length=200)),
                ('note', fields.TextField(default='', unique=False)),
            ],
            options={'table': 'goods_claim', 'app': 'refund_gql', 'constraints': [CheckConstraint(check='amount > 0', name='goods_claim_amount_positive'), CheckConstraint(check="(closed_at IS NULL) = (status = 'OPEN')", name='goods_claim_closed_once'), UniqueConstraint(fields=('refund_id',), name='one_open_claim_per_refund', condition="status = 'OPEN'")], 'indexes': [Index(fields=['shop_id', 'opened_at', 'id'])], 'pk_attr': 'id', 'table_description': 'What the shop is owed for goods that are missing or worth less; only people close it.'},
            bases=['ShopRow'],
        ),
        ops.AlterField(
            model_name='Decision',
            name='step',
            field=fields.CharEnumField(description='SUBMIT: SUBMIT\nAPPROVE_INSTANTLY: APPROVE_INSTANTLY\nAPPROVE_FIRST_INSTANTLY: APPROVE_FIRST_INSTANTLY\nSEND_TO_REVIEW: SEND_TO_REVIEW\nREQUEST_EVIDENCE: REQUEST_EVIDENCE\nPROVIDE_EVIDENCE: PROVIDE_EVIDENCE\nAPPROVE_REFUND_ONLY: APPROVE_REFUND_ONLY\nAPPROVE_UNSENT: APPROVE_UNSENT\nAPPROVE_RETURN: APPROVE_RETURN\nAPPROVE_FIRST: APPROVE_FIRST\nREJECT: REJECT\nCONFIRM_GOODS_GONE: CONFIRM_GOODS_GONE\nFIND_GOODS_WITH_CUSTOMER: FIND_GOODS_WITH_CUSTOMER\nSHIP_RETURN: SHIP_RETURN\nRECEIVE_RETURN: RECEIVE_RETURN\nPASS_INSPECTION: PASS_INSPECTION\nREFUSE_INSPECTION: REFUSE_INSPECTION\nAPPROVE_FINANCE: APPROVE_FINANCE\nSEND_BACK: SEND_BACK\nSTART_PAYMENT: START_PAYMENT\nCOMPLETE_PAYMENT: COMPLETE_PAYMENT\nHALT_PAYMENT: HALT_PAYMENT\nRETRY_PAYMENT: RETRY_PAYMENT\nREVERSE_PAYMENT: REVERSE_PAYMENT\nCANCEL: CANCEL', enum_type=Step, max_length=40),
        ),
        ops.AlterField(
            model_name='Event',
            name='type',
            field=fields.CharEnumField(description='REQUESTED: REQUESTED\nSPLIT: SPLIT\nAPPROVED_INSTANTLY: APPROVED_INSTANTLY\nREFUND_FIRST_GRANTED: REFUND_FIRST_GRANTED\nSENT_TO_REVIEW: SENT_TO_REVIEW\nEVIDENCE_REQUESTED: EVIDENCE_REQUESTED\nEVIDENCE_PROVIDED: EVIDENCE_PROVIDED\nREFUND_ONLY_APPROVED: REFUND_ONLY_APPROVED\nRETURN_APPROVED: RETURN_APPROVED\nREFUND_FIRST_PROPOSED: REFUND_FIRST_PROPOSED\nREJECTED: REJECTED\nWAREHOUSE_CONFIRMED: WAREHOUSE_CONFIRMED\nGOODS_FOUND_WITH_CUSTOMER: GOODS_FOUND_WITH_CUSTOMER\nRETURN_SHIPPED: RETURN_SHIPPED\nRETURN_RECEIVED: RETURN_RECEIVED\nINSPECTION_PASSED: INSPECTION_PASSED\nINSPECTION_REFUSED: INSPECTION_REFUSED\nFINANCE_APPROVED: FINANCE_APPROVED\nFINANCE_SENT_BACK: FINANCE_SENT_BACK\nPAYMENT_STARTED: PAYMENT_STARTED\nPAYOUT_PARKED: PAYOUT_PARKED\nPAYOUT_RESUMED: PAYOUT_RESUMED\nPAYOUT_SUCCEEDED: PAYOUT_SUCCEEDED\nREFUNDED: REFUNDED\nPAYMENT_STUCK: PAYMENT_STUCK\nPAYMENT_RETRIED: PAYMENT_RETRIED\nPAYMENT_REVERSED: PAYMENT_REVERSED\nCANCELLED: CANCELLED\nCOUPON_ISSUED: COUPON_ISSUED\nCOUPON_REVOKED: COUPON_REVOKED\nPOINTS_RESTORED: POINTS_RESTORED\nCOUPON_RESTORED: COUPON_RESTORED\nGOODS_AWAITED: GOODS_AWAITED\nRETURN_SCANNED: RETURN_SCANNED\nRETURN_REMINDED: RETURN_REMINDED\nCLAIM_OPENED: CLAIM_OPENED\nCLAIM_CHANGED: CLAIM_CHANGED\nCLAIM_SETTLED: CLAIM_SETTLED\nCLAIM_WRITTEN_OFF: CLAIM_WRITTEN_OFF\nIMPORTED: IMPORTED\nREASON_FOUND: REASON_FOUND\nROUTED: ROUTED', enum_type=EventType, max_length=40),
        ),
        ops.AddField(
            model_name='Refund',
            name='goods_later',
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.AddField(
            model_name='Shop',
            name='exposure_limits',
            field=fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name='Shop',
            name='return_days',
            field=fields.IntField(default=7, db_default=7),
        ),
        ops.AddField(
            model_name='Shop',
            name='return_grace_days',
            field=fields.IntField(default=7, db_default=7),
        ),
        ops.AddConstraint(
            model_name='Shop',
            constraint=CheckConstraint(check='return_days BETWEEN 1 AND 365 AND return_grace_days BETWEEN 0 AND 365', name='shop_return_days_in_range'),
        ),
        ops.AddConstraint(
            model_name='Exposure',
            constraint=CheckConstraint(check='amount > 0 AND allowed >= 0', name='exposure_amount_positive'),
        ),
        ops.AddConstraint(
            model_name='Exposure',
            constraint=CheckConstraint(check='opened_at < due_at AND due_at <= final_at', name='exposure_dates_in_order'),
        ),
        ops.AddConstraint(
            model_name='Exposure',
            constraint=CheckConstraint(check='(released_at IS NULL) = (release IS NULL)', name='exposure_released_for_a_reason'),
        ),
        ops.AddConstraint(
            model_name='GoodsClaim',
            constraint=CheckConstraint(check='amount > 0', name='goods_claim_amount_positive'),
        ),
        ops.AddConstraint(
            model_name='GoodsClaim',
            constraint=CheckConstraint(check="(closed_at IS NULL) = (status = 'OPEN')", name='goods_claim_closed_once'),
        ),
        ops.AddConstraint(
            model_name='GoodsClaim',
            constraint=UniqueConstraint(fields=('refund_id',), name='one_open_claim_per_refund', condition="status = 'OPEN'"),
        ),
    ]
