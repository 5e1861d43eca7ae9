from tortoise import migrations
from tortoise.migrations import operations as ops
from refund_gql.choices import Disposition, Verdict
from refund_gql.events import EventType
from refund_gql.models.row import new_id
from refund_gql.providers.gateway import DisputeState
from refund_gql.states import Step
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('refund_gql', '0001_initial')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Dispute',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('capture', fields.ForeignKeyField('refund_gql.Capture', source_field='capture_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('order', fields.ForeignKeyField('refund_gql.Order', source_field='order_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('gateway', fields.CharField(max_length=64)),
                ('reference', fields.CharField(max_length=128)),
                ('amount', fields.BigIntField()),
                ('currency', fields.CharField(max_length=3)),
                ('state', fields.CharEnumField(description='OPENED: OPENED\nWON: WON\nLOST: LOST', enum_type=DisputeState, max_length=40)),
                ('reason', fields.CharField(default='', max_length=64)),
                ('opened_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('closed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('told_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'dispute', 'app': 'refund_gql', 'unique_together': (('shop', 'gateway', 'reference', 'capture'),), 'constraints': [CheckConstraint(check='amount > 0', name='dispute_amount_positive'), CheckConstraint(check="(closed_at IS NULL) = (state = 'OPENED')", name='dispute_closed_when_over')], 'indexes': [Index(fields=['shop_id', 'opened_at', 'id'])], 'pk_attr': 'id', 'table_description': "One chargeback on one capture. Where a payment was for several orders, each order's share"},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='InspectionOutcome',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('inspection', fields.ForeignKeyField('refund_gql.Inspection', source_field='inspection_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('position', fields.IntField()),
                ('verdict', fields.CharEnumField(description='ACCEPTED: ACCEPTED\nREDUCED: REDUCED\nREFUSED: REFUSED\nWRONG_ITEM: WRONG_ITEM\nMISSING: MISSING', enum_type=Verdict, max_length=40)),
                ('quantity', fields.IntField()),
                ('amount', fields.BigIntField()),
                ('disposition', fields.CharEnumField(null=True, description='RESTOCK: RESTOCK\nREPAIR: REPAIR\nWRITE_OFF: WRITE_OFF\nBACK_TO_CUSTOMER: BACK_TO_CUSTOMER', enum_type=Disposition, max_length=40)),
                ('reason', fields.ForeignKeyField('refund_gql.ReasonTag', source_field='reason_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('arrived', fields.CharField(default='', max_length=300)),
                ('note', fields.TextField(default='', unique=False)),
            ],
            options={'table': 'inspection_outcome', 'app': 'refund_gql', 'unique_together': (('inspection', 'position'),), 'constraints': [CheckConstraint(check="quantity > 0 AND amount >= 0 AND (amount = 0 OR verdict IN ('ACCEPTED', 'REDUCED'))", name='inspection_outcome_grants_what_came'), CheckConstraint(check="(disposition IS NOT NULL) = (verdict NOT IN ('WRONG_ITEM', 'MISSING'))", name='inspection_outcome_disposes_of_what_came')], 'pk_attr': 'id', 'table_description': 'So many units of an inspected line, and what was said about them. The outcomes of a line'},
            bases=['ShopRow'],
        ),
        ops.AddField(
            model_name='Capture',
            name='dispute_told',
            field=fields.BigIntField(default=0, db_default=0),
        ),
        ops.AlterField(
            model_name='Decision',
            name='step',
            field=fields.CharEnumField(description='SUBMIT: SUBMIT\nAPPROVE_INSTANTLY: APPROVE_INSTANTLY\nAPPROVE_FIRST_INSTANTLY: APPROVE_FIRST_INSTANTLY\nSEND_TO_REVIEW: SEND_TO_REVIEW\nROUTE_TO_WAREHOUSE: ROUTE_TO_WAREHOUSE\nROUTE_TO_FINANCE: ROUTE_TO_FINANCE\nAPPROVE_RETURN_INSTANTLY: APPROVE_RETURN_INSTANTLY\nREQUEST_EVIDENCE: REQUEST_EVIDENCE\nPROVIDE_EVIDENCE: PROVIDE_EVIDENCE\nAPPROVE_REFUND_ONLY: APPROVE_REFUND_ONLY\nAPPROVE_UNSENT: APPROVE_UNSENT\nAPPROVE_RETURN: APPROVE_RETURN\nAPPROVE_FIRST: APPROVE_FIRST\nREJECT: REJECT\nCONFIRM_GOODS_GONE: CONFIRM_GOODS_GONE\nFIND_GOODS_WITH_CUSTOMER: FIND_GOODS_WITH_CUSTOMER\nSHIP_RETURN: SHIP_RETURN\nRECEIVE_RETURN: RECEIVE_RETURN\nPASS_INSPECTION: PASS_INSPECTION\nREFUSE_INSPECTION: REFUSE_INSPECTION\nAPPROVE_FINANCE: APPROVE_FINANCE\nSEND_BACK: SEND_BACK\nSTART_PAYMENT: START_PAYMENT\nCOMPLETE_PAYMENT: COMPLETE_PAYMENT\nHALT_PAYMENT: HALT_PAYMENT\nRETRY_PAYMENT: RETRY_PAYMENT\nREVERSE_PAYMENT: REVERSE_PAYMENT\nCANCEL: CANCEL\nDISPUTE: DISPUTE', enum_type=Step, max_length=40),
        ),
        ops.AlterField(
            model_name='Event',
            name='type',
            field=fields.CharEnumField(description='REQUESTED: REQUESTED\nSPLIT: SPLIT\nAPPROVED_INSTANTLY: APPROVED_INSTANTLY\nREFUND_FIRST_GRANTED: REFUND_FIRST_GRANTED\nSENT_TO_REVIEW: SENT_TO_REVIEW\nEVIDENCE_REQUESTED: EVIDENCE_REQUESTED\nEVIDENCE_PROVIDED: EVIDENCE_PROVIDED\nREFUND_ONLY_APPROVED: REFUND_ONLY_APPROVED\nRETURN_APPROVED: RETURN_APPROVED\nREFUND_FIRST_PROPOSED: REFUND_FIRST_PROPOSED\nREJECTED: REJECTED\nWAREHOUSE_CONFIRMED: WAREHOUSE_CONFIRMED\nGOODS_FOUND_WITH_CUSTOMER: GOODS_FOUND_WITH_CUSTOMER\nRETURN_SHIPPED: RETURN_SHIPPED\nRETURN_RECEIVED: RETURN_RECEIVED\nINSPECTION_PASSED: INSPECTION_PASSED\nINSPECTION_REFUSED: INSPECTION_REFUSED\nFINANCE_APPROVED: FINANCE_APPROVED\nFINANCE_SENT_BACK: FINANCE_SENT_BACK\nPAYMENT_STARTED: PAYMENT_STARTED\nPAYOUT_PARKED: PAYOUT_PARKED\nPAYOUT_RESUMED: PAYOUT_RESUMED\nPAYOUT_SUCCEEDED: PAYOUT_SUCCEEDED\nREFUNDED: REFUNDED\nPAYMENT_STUCK: PAYMENT_STUCK\nPAYMENT_RETRIED: PAYMENT_RETRIED\nPAYMENT_REVERSED: PAYMENT_REVERSED\nCANCELLED: CANCELLED\nCOUPON_ISSUED: COUPON_ISSUED\nCOUPON_REVOKED: COUPON_REVOKED\nPOINTS_RESTORED: POINTS_RESTORED\nCOUPON_RESTORED: COUPON_RESTORED\nGOODS_AWAITED: GOODS_AWAITED\nRETURN_SCANNED: RETURN_SCANNED\nRETURN_REMINDED: RETURN_REMINDED\nCLAIM_OPENED: CLAIM_OPENED\nCLAIM_CHANGED: CLAIM_CHANGED\nCLAIM_SETTLED: CLAIM_SETTLED\nCLAIM_WRITTEN_OFF: CLAIM_WRITTEN_OFF\nIMPORTED: IMPORTED\nREASON_FOUND: REASON_FOUND\nROUTED: ROUTED\nSENT_TO_WAREHOUSE: SENT_TO_WAREHOUSE\nSENT_TO_FINANCE: SENT_TO_FINANCE\nESCALATED: ESCALATED\nPRIORITY_LOWERED: PRIORITY_LOWERED\nMESSAGE_REQUESTED: MESSAGE_REQUESTED\nDISPUTED: DISPUTED\nGOODS_DISPOSED: GOODS_DISPOSED\nREASONS_SET: REASONS_SET\nCHARGEBACK_OPENED: CHARGEBACK_OPENED\nCHARGEBACK_WON: CHARGEBACK_WON\nCHARGEBACK_LOST: CHARGEBACK_LOST', enum_type=EventType, max_length=40),
        ),
        ops.AddField(
            model_name='Refund',
            name='disputed_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Refund',
            name='root_cause',
            field=fields.ForeignKeyField('refund_gql.ReasonTag', source_field='root_cause_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT),
        ),
        ops.AddField(
            model_name='Shop',
            name='dispute_days',
            field=fields.IntField(default=15, db_default=15),
        ),
        ops.AddConstraint(
            model_name='Shop',
            constraint=CheckConstraint(check='dispute_days BETWEEN 0 AND 365', name='shop_dispute_days_in_range'),
        ),
        # What the shop had told so far is its own word. Tortoise adds a reference without its index.
        ops.RunSQL(
            [
                'create index idx_refund_root_cause on "refund" (root_cause_id)',
                'update "capture" set dispute_told = disputed + dispute_excess where disputed + dispute_excess > 0',
                'alter table "dispute" add constraint dispute_amount_positive check (amount > 0)',
                'alter table "dispute" add constraint dispute_closed_when_over check ((closed_at IS NULL) = (state = \'OPENED\'))',
                'alter table "inspection_outcome" add constraint inspection_outcome_grants_what_came check (quantity > 0 AND amount >= 0 AND (amount = 0 OR verdict IN (\'ACCEPTED\', \'REDUCED\')))',
                'alter table "inspection_outcome" add constraint inspection_outcome_disposes_of_what_came check ((disposition IS NOT NULL) = (verdict NOT IN (\'WRONG_ITEM\', \'MISSING\')))',
            ],
            ops.RunSQL.noop,
        ),
    ]
