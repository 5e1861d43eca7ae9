from tortoise import migrations
from tortoise.migrations import operations as ops
from refund_gql.events import EventType
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('refund_gql', '0006_policy')]

    initial = False

    operations = [
        ops.AlterField(
            model_name='Event',
            name='type',
            field=fields.CharEnumField(description='REQUESTED: REQUESTED\nSPLIT: SPLIT\nAPPROVED_INSTANTLY: APPROVED_INSTANTLY\nSENT_TO_REVIEW: SENT_TO_REVIEW\nEVIDENCE_REQUESTED: EVIDENCE_REQUESTED\nEVIDENCE_PROVIDED: EVIDENCE_PROVIDED\nREFUND_ONLY_APPROVED: REFUND_ONLY_APPROVED\nRETURN_APPROVED: RETURN_APPROVED\nREJECTED: REJECTED\nWAREHOUSE_CONFIRMED: WAREHOUSE_CONFIRMED\nGOODS_FOUND_WITH_CUSTOMER: GOODS_FOUND_WITH_CUSTOMER\nRETURN_SHIPPED: RETURN_SHIPPED\nRETURN_RECEIVED: RETURN_RECEIVED\nINSPECTION_PASSED: INSPECTION_PASSED\nINSPECTION_REFUSED: INSPECTION_REFUSED\nFINANCE_APPROVED: FINANCE_APPROVED\nFINANCE_SENT_BACK: FINANCE_SENT_BACK\nPAYMENT_STARTED: PAYMENT_STARTED\nPAYOUT_PARKED: PAYOUT_PARKED\nPAYOUT_RESUMED: PAYOUT_RESUMED\nPAYOUT_SUCCEEDED: PAYOUT_SUCCEEDED\nREFUNDED: REFUNDED\nPAYMENT_STUCK: PAYMENT_STUCK\nPAYMENT_RETRIED: PAYMENT_RETRIED\nPAYMENT_REVERSED: PAYMENT_REVERSED\nCANCELLED: CANCELLED\nIMPORTED: IMPORTED\nREASON_FOUND: REASON_FOUND\nROUTED: ROUTED', enum_type=EventType, max_length=40),
        ),
        ops.AddIndex(
            model_name='Return',
            index=Index(fields=['shop_id', 'tracking_number']),
        ),
        ops.AlterModelOptions(
            name='RuleEvaluation',
            options={'table': 'rule_evaluation', 'app': 'refund_gql', 'unique_together': (('refund', 'trigger', 'cause'),), 'indexes': [Index(fields=['shop_id', 'at', 'id'])], 'pk_attr': 'id', 'table_description': 'The rules of one trigger were read over one refund, once for each cause. Append-only.'},
        ),
        ops.AddField(
            model_name='RuleEvaluation',
            name='cause',
            field=fields.CharField(default='', db_default='', max_length=64),
        ),
        ops.AddConstraint(
            model_name='RuleEvaluation',
            constraint=UniqueConstraint(fields=('refund', 'trigger', 'cause'), name=None),
        ),
        ops.AlterModelOptions(
            name='RuleUse',
            options={'table': 'rule_use', 'app': 'refund_gql', 'unique_together': (('refund', 'rule', 'mode', 'visit'),), 'indexes': [Index(fields=['rule_id', 'mode', 'at'])], 'pk_attr': 'id', 'table_description': 'A rule acted on a refund, or would have, were it live: counted against its daily cap, and'},
        ),
        ops.AddField(
            model_name='RuleUse',
            name='visit',
            field=fields.IntField(default=1, db_default=1),
        ),
        ops.AddConstraint(
            model_name='RuleUse',
            constraint=UniqueConstraint(fields=('refund', 'rule', 'mode', 'visit'), name=None),
        ),
        ops.AddIndex(
            model_name='Shipment',
            index=Index(fields=['shop_id', 'tracking_number']),
        ),
    ]
