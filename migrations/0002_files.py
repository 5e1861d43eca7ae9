from tortoise import migrations
from tortoise.migrations import operations as ops
from refund_gql.choices import EvidencePurpose, EvidenceStatus
from refund_gql.events import EventType
from refund_gql.models.row import new_id
from refund_gql.roles import Role
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
            name='EvidenceFile',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('refund', fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('purpose', fields.CharEnumField(description='REQUEST: REQUEST\nEVIDENCE: EVIDENCE\nINSPECTION: INSPECTION', enum_type=EvidencePurpose, max_length=40)),
                ('status', fields.CharEnumField(description='PENDING: PENDING\nSTORED: STORED\nREMOVED: REMOVED', enum_type=EvidenceStatus, max_length=40)),
                ('name', fields.CharField(max_length=200)),
                ('size', fields.IntField()),
                ('media_type', fields.CharField(null=True, max_length=100)),
                ('sha256', fields.CharField(null=True, max_length=64)),
                ('key', fields.CharField(null=True, max_length=100)),
                ('secret', fields.CharField(max_length=64)),
                ('role', fields.CharEnumField(description='OWNER: OWNER\nAGENT: AGENT\nWAREHOUSE: WAREHOUSE\nFINANCE: FINANCE\nANALYST: ANALYST\nSERVICE: SERVICE\nCUSTOMER: CUSTOMER\nSYSTEM: SYSTEM', enum_type=Role, max_length=40)),
                ('uploaded_by', fields.CharField(max_length=64)),
                ('uploaded_by_name', fields.CharField(default='', max_length=200)),
                ('started_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('uploaded_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('removed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'evidence_file', 'app': 'refund_gql', 'constraints': [CheckConstraint(check='size > 0', name='evidence_file_not_empty'), CheckConstraint(check="status <> 'STORED' OR (key IS NOT NULL AND media_type IS NOT NULL AND sha256 IS NOT NULL AND uploaded_at IS NOT NULL)", name='evidence_file_stored_is_there'), CheckConstraint(check="(status = 'REMOVED') = (removed_at IS NOT NULL)", name='evidence_file_removed_once')], 'indexes': [Index(fields=['status', 'started_at'])], 'pk_attr': 'id', 'table_description': 'One file of one refund, from its announcement on. STORED only once its bytes are there.'},
            bases=['ShopRow'],
        ),
        ops.AlterField(
            model_name='Decision',
            name='step',
            field=fields.CharEnumField(description='SUBMIT: SUBMIT\nAPPROVE_INSTANTLY: APPROVE_INSTANTLY\nAPPROVE_FIRST_INSTANTLY: APPROVE_FIRST_INSTANTLY\nSEND_TO_REVIEW: SEND_TO_REVIEW\nROUTE_TO_WAREHOUSE: ROUTE_TO_WAREHOUSE\nROUTE_TO_FINANCE: ROUTE_TO_FINANCE\nAPPROVE_RETURN_INSTANTLY: APPROVE_RETURN_INSTANTLY\nREQUEST_EVIDENCE: REQUEST_EVIDENCE\nPROVIDE_EVIDENCE: PROVIDE_EVIDENCE\nAPPROVE_REFUND_ONLY: APPROVE_REFUND_ONLY\nAPPROVE_UNSENT: APPROVE_UNSENT\nAPPROVE_RETURN: APPROVE_RETURN\nAPPROVE_FIRST: APPROVE_FIRST\nREJECT: REJECT\nCONFIRM_GOODS_GONE: CONFIRM_GOODS_GONE\nFIND_GOODS_WITH_CUSTOMER: FIND_GOODS_WITH_CUSTOMER\nSHIP_RETURN: SHIP_RETURN\nRECEIVE_RETURN: RECEIVE_RETURN\nPASS_INSPECTION: PASS_INSPECTION\nREFUSE_INSPECTION: REFUSE_INSPECTION\nAPPROVE_FINANCE: APPROVE_FINANCE\nSEND_BACK: SEND_BACK\nSTART_PAYMENT: START_PAYMENT\nCOMPLETE_PAYMENT: COMPLETE_PAYMENT\nHALT_PAYMENT: HALT_PAYMENT\nRETRY_PAYMENT: RETRY_PAYMENT\nREVERSE_PAYMENT: REVERSE_PAYMENT\nCANCEL: CANCEL\nAMEND: AMEND\nMERGE: MERGE', enum_type=Step, max_length=40),
        ),
        ops.AlterField(
            model_name='Event',
            name='type',
            field=fields.CharEnumField(description='REQUESTED: REQUESTED\nSPLIT: SPLIT\nAPPROVED_INSTANTLY: APPROVED_INSTANTLY\nREFUND_FIRST_GRANTED: REFUND_FIRST_GRANTED\nSENT_TO_REVIEW: SENT_TO_REVIEW\nEVIDENCE_REQUESTED: EVIDENCE_REQUESTED\nEVIDENCE_PROVIDED: EVIDENCE_PROVIDED\nREFUND_ONLY_APPROVED: REFUND_ONLY_APPROVED\nRETURN_APPROVED: RETURN_APPROVED\nREFUND_FIRST_PROPOSED: REFUND_FIRST_PROPOSED\nREJECTED: REJECTED\nWAREHOUSE_CONFIRMED: WAREHOUSE_CONFIRMED\nGOODS_FOUND_WITH_CUSTOMER: GOODS_FOUND_WITH_CUSTOMER\nRETURN_SHIPPED: RETURN_SHIPPED\nRETURN_RECEIVED: RETURN_RECEIVED\nINSPECTION_PASSED: INSPECTION_PASSED\nINSPECTION_REFUSED: INSPECTION_REFUSED\nFINANCE_APPROVED: FINANCE_APPROVED\nFINANCE_SENT_BACK: FINANCE_SENT_BACK\nPAYMENT_STARTED: PAYMENT_STARTED\nPAYOUT_PARKED: PAYOUT_PARKED\nPAYOUT_RESUMED: PAYOUT_RESUMED\nPAYOUT_SUCCEEDED: PAYOUT_SUCCEEDED\nREFUNDED: REFUNDED\nPAYMENT_STUCK: PAYMENT_STUCK\nPAYMENT_RETRIED: PAYMENT_RETRIED\nPAYMENT_REVERSED: PAYMENT_REVERSED\nCANCELLED: CANCELLED\nCOUPON_ISSUED: COUPON_ISSUED\nCOUPON_REVOKED: COUPON_REVOKED\nPOINTS_RESTORED: POINTS_RESTORED\nCOUPON_RESTORED: COUPON_RESTORED\nGOODS_AWAITED: GOODS_AWAITED\nRETURN_SCANNED: RETURN_SCANNED\nRETURN_REMINDED: RETURN_REMINDED\nCLAIM_OPENED: CLAIM_OPENED\nCLAIM_CHANGED: CLAIM_CHANGED\nCLAIM_SETTLED: CLAIM_SETTLED\nCLAIM_WRITTEN_OFF: CLAIM_WRITTEN_OFF\nIMPORTED: IMPORTED\nREASON_FOUND: REASON_FOUND\nROUTED: ROUTED\nSENT_TO_WAREHOUSE: SENT_TO_WAREHOUSE\nSENT_TO_FINANCE: SENT_TO_FINANCE\nESCALATED: ESCALATED\nPRIORITY_LOWERED: PRIORITY_LOWERED\nMESSAGE_REQUESTED: MESSAGE_REQUESTED\nEVIDENCE_ADDED: EVIDENCE_ADDED\nEVIDENCE_REMOVED: EVIDENCE_REMOVED\nAMENDED: AMENDED\nMERGED: MERGED\nREQUEST_ADDED: REQUEST_ADDED', enum_type=EventType, max_length=40),
        ),
        ops.AddField(
            model_name='Refund',
            name='merged_into',
            field=fields.ForeignKeyField('refund_gql.Refund', source_field='merged_into_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT),
        ),
        # Constraints of the models; Tortoise's migrations leave them out.
        ops.RunSQL(
            [
                # A foreign key that is added later gets no index by itself.
                'create index idx_refund_merged_into on "refund" (merged_into_id)',
                'alter table "evidence_file" add constraint evidence_file_not_empty check (size > 0)',
                'alter table "evidence_file" add constraint evidence_file_stored_is_there check (status <> \'STORED\' OR (key IS NOT NULL AND media_type IS NOT NULL AND sha256 IS NOT NULL AND uploaded_at IS NOT NULL))',
                'alter table "evidence_file" add constraint evidence_file_removed_once check ((status = \'REMOVED\') = (removed_at IS NOT NULL))',
            ],
            ops.RunSQL.noop,
        ),
    ]
