from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from refund_gql.events import EventType
from refund_gql.states import Priority, Step
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import SqlDefault
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('refund_gql', '0006_reactions')]

    initial = False

    operations = [
        ops.AlterField(
            model_name='Decision',
            name='step',
            field=fields.CharEnumField(description='SUBMIT: SUBMIT\nAPPROVE_INSTANTLY: APPROVE_INSTANTLY\nSEND_TO_REVIEW: SEND_TO_REVIEW\nROUTE_TO_WAREHOUSE: ROUTE_TO_WAREHOUSE\nROUTE_TO_FINANCE: ROUTE_TO_FINANCE\nAPPROVE_RETURN_INSTANTLY: APPROVE_RETURN_INSTANTLY\nREQUEST_EVIDENCE: REQUEST_EVIDENCE\nPROVIDE_EVIDENCE: PROVIDE_EVIDENCE\nAPPROVE_REFUND_ONLY: APPROVE_REFUND_ONLY\nAPPROVE_UNSENT: APPROVE_UNSENT\nAPPROVE_RETURN: APPROVE_RETURN\nREJECT: REJECT\nCONFIRM_GOODS_GONE: CONFIRM_GOODS_GONE\nFIND_GOODS_WITH_CUSTOMER: FIND_GOODS_WITH_CUSTOMER\nSHIP_RETURN: SHIP_RETURN\nRECEIVE_RETURN: RECEIVE_RETURN\nPASS_INSPECTION: PASS_INSPECTION\nREFUSE_INSPECTION: REFUSE_INSPECTION\nAPPROVE_FINANCE: APPROVE_FINANCE\nSEND_BACK: SEND_BACK\nSTART_PAYMENT: START_PAYMENT\nCOMPLETE_PAYMENT: COMPLETE_PAYMENT\nHALT_PAYMENT: HALT_PAYMENT\nRETRY_PAYMENT: RETRY_PAYMENT\nREVERSE_PAYMENT: REVERSE_PAYMENT\nCANCEL: CANCEL', enum_type=Step, max_length=40),
        ),
        ops.AlterField(
            model_name='Event',
            name='type',
            field=fields.CharEnumField(description='REQUESTED: REQUESTED\nSPLIT: SPLIT\nAPPROVED_INSTANTLY: APPROVED_INSTANTLY\nSENT_TO_REVIEW: SENT_TO_REVIEW\nEVIDENCE_REQUESTED: EVIDENCE_REQUESTED\nEVIDENCE_PROVIDED: EVIDENCE_PROVIDED\nREFUND_ONLY_APPROVED: REFUND_ONLY_APPROVED\nRETURN_APPROVED: RETURN_APPROVED\nREJECTED: REJECTED\nWAREHOUSE_CONFIRMED: WAREHOUSE_CONFIRMED\nGOODS_FOUND_WITH_CUSTOMER: GOODS_FOUND_WITH_CUSTOMER\nRETURN_SHIPPED: RETURN_SHIPPED\nRETURN_RECEIVED: RETURN_RECEIVED\nINSPECTION_PASSED: INSPECTION_PASSED\nINSPECTION_REFUSED: INSPECTION_REFUSED\nFINANCE_APPROVED: FINANCE_APPROVED\nFINANCE_SENT_BACK: FINANCE_SENT_BACK\nPAYMENT_STARTED: PAYMENT_STARTED\nPAYOUT_PARKED: PAYOUT_PARKED\nPAYOUT_RESUMED: PAYOUT_RESUMED\nPAYOUT_SUCCEEDED: PAYOUT_SUCCEEDED\nREFUNDED: REFUNDED\nPAYMENT_STUCK: PAYMENT_STUCK\nPAYMENT_RETRIED: PAYMENT_RETRIED\nPAYMENT_REVERSED: PAYMENT_REVERSED\nCANCELLED: CANCELLED\nIMPORTED: IMPORTED\nREASON_FOUND: REASON_FOUND\nROUTED: ROUTED\nSENT_TO_WAREHOUSE: SENT_TO_WAREHOUSE\nSENT_TO_FINANCE: SENT_TO_FINANCE\nESCALATED: ESCALATED\nPRIORITY_LOWERED: PRIORITY_LOWERED\nMESSAGE_REQUESTED: MESSAGE_REQUESTED', enum_type=EventType, max_length=40),
        ),
        ops.AddField(
            model_name='Refund',
            name='escalation',
            field=fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name='Refund',
            name='priority',
            field=fields.CharEnumField(default=Priority.NORMAL, description='NORMAL: NORMAL\nHIGH: HIGH\nURGENT: URGENT', db_default=SqlDefault("'NORMAL'"), enum_type=Priority, max_length=40),
        ),
        ops.AddIndex(
            model_name='Refund',
            index=Index(fields=['shop_id', 'priority', 'requested_at']),
        ),
    ]
