from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from refund_gql.events import EventType
from refund_gql.choices import DeliveryStatus, MessageStatus
from refund_gql.models.row import new_id
from refund_gql.providers.courier import TrackingTag
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import SqlDefault
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('refund_gql', '0002_constraints')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Message',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('refund', fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('customer', fields.ForeignKeyField('refund_gql.Customer', source_field='customer_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('event', fields.CharField(max_length=40)),
                ('version', fields.IntField()),
                ('channel', fields.CharField(max_length=64)),
                ('locale', fields.CharField(max_length=8)),
                ('subject', fields.CharField(max_length=300)),
                ('text', fields.TextField(unique=False)),
                ('variables', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('status', fields.CharEnumField(default=MessageStatus.QUEUED, description='QUEUED: QUEUED\nSENDING: SENDING\nSENT: SENT\nSUPERSEDED: SUPERSEDED\nDEAD: DEAD', enum_type=MessageStatus, max_length=40)),
                ('tries', fields.IntField(default=0)),
                ('resends', fields.IntField(default=0)),
                ('code', fields.CharField(null=True, max_length=64)),
                ('error', fields.CharField(null=True, max_length=500)),
                ('reference', fields.CharField(null=True, max_length=128)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('sent_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'message', 'app': 'refund_gql', 'indexes': [Index(fields=['shop_id', 'created_at', 'id']), Index(fields=['shop_id', 'status', 'created_at'])], 'pk_attr': 'id', 'table_description': 'One text to one person through one channel. The id is made of refund, event and channel,'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='PluginSettings',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('provider', fields.CharField(max_length=64)),
                ('enabled', fields.BooleanField(default=True)),
                ('values', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('secrets', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('version', fields.IntField(default=1)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_by', fields.CharField(max_length=64)),
            ],
            options={'table': 'plugin_settings', 'app': 'refund_gql', 'unique_together': (('shop', 'provider'),), 'pk_attr': 'id', 'table_description': "A shop's settings of one provider. Secrets lie apart, encrypted, and are never read out."},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='ProviderHealth',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('provider', fields.CharField(max_length=64)),
                ('down_since', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('reason', fields.CharField(default='', max_length=500)),
                ('last_failure_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('changed_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'provider_health', 'app': 'refund_gql', 'unique_together': (('shop', 'provider'),), 'pk_attr': 'id', 'table_description': 'A provider of a shop went down, or came back: the last change, as any process saw it.'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='Template',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('event', fields.CharField(max_length=40)),
                ('locale', fields.CharField(max_length=8)),
                ('channel', fields.CharField(default='', max_length=64)),
                ('subject', fields.CharField(default='', max_length=300)),
                ('body', fields.TextField(unique=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_by', fields.CharField(max_length=64)),
            ],
            options={'table': 'template', 'app': 'refund_gql', 'unique_together': (('shop', 'event', 'locale', 'channel'),), 'pk_attr': 'id', 'table_description': "A shop's own text for one message; without one, the built-in text is used."},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='TrackingCheckpoint',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('courier', fields.CharField(max_length=64)),
                ('tracking_number', fields.CharField(max_length=64)),
                ('digest', fields.CharField(max_length=64)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('tag', fields.CharEnumField(null=True, description='PENDING: PENDING\nINFO_RECEIVED: INFO_RECEIVED\nIN_TRANSIT: IN_TRANSIT\nOUT_FOR_DELIVERY: OUT_FOR_DELIVERY\nATTEMPT_FAIL: ATTEMPT_FAIL\nAVAILABLE_FOR_PICKUP: AVAILABLE_FOR_PICKUP\nDELIVERED: DELIVERED\nEXCEPTION: EXCEPTION\nEXPIRED: EXPIRED', enum_type=TrackingTag, max_length=40)),
                ('code', fields.CharField(default='', max_length=64)),
                ('text', fields.CharField(default='', max_length=500)),
                ('place', fields.CharField(default='', max_length=200)),
                ('flags', fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads)),
                ('received_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'tracking_checkpoint', 'app': 'refund_gql', 'unique_together': (('shop', 'courier', 'tracking_number', 'digest'),), 'indexes': [Index(fields=['shop_id', 'tracking_number', 'at'])], 'pk_attr': 'id', 'table_description': "One line of a parcel's history. Append-only; the current state is derived."},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='WebhookEndpoint',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('url', fields.CharField(max_length=500)),
                ('description', fields.CharField(default='', max_length=200)),
                ('events', fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads)),
                ('secret', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('previous_secret', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('previous_until', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('disabled_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('disabled_reason', fields.CharField(null=True, max_length=40)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'webhook_endpoint', 'app': 'refund_gql', 'pk_attr': 'id', 'table_description': "A URL of the shop's own systems that hears of events."},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('endpoint', fields.ForeignKeyField('refund_gql.WebhookEndpoint', source_field='endpoint_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('refund', fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('type', fields.CharField(max_length=60)),
                ('version', fields.IntField()),
                ('payload', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('status', fields.CharEnumField(default=DeliveryStatus.QUEUED, description='QUEUED: QUEUED\nDELIVERED: DELIVERED\nDEAD: DEAD', enum_type=DeliveryStatus, max_length=40)),
                ('tries', fields.IntField(default=0)),
                ('response_status', fields.IntField(null=True)),
                ('error', fields.CharField(null=True, max_length=200)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('next_try_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('delivered_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'webhook_delivery', 'app': 'refund_gql', 'unique_together': (('endpoint', 'refund', 'version'),), 'indexes': [Index(fields=['shop_id', 'created_at', 'id']), Index(fields=['shop_id', 'status', 'created_at'])], 'pk_attr': 'id', 'table_description': 'One event on its way to one endpoint; the id is the `webhook-id` of every try.'},
            bases=['ShopRow'],
        ),
        ops.AlterField(
            model_name='ApiToken',
            name='scopes',
            field=fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AlterField(
            model_name='Capture',
            name='metadata',
            field=fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name='Customer',
            name='channels',
            field=fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name='Customer',
            name='contacts',
            field=fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AlterField(
            model_name='Decision',
            name='trace',
            field=fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AlterField(
            model_name='Event',
            name='payload',
            field=fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AlterField(
            model_name='Event',
            name='type',
            field=fields.CharEnumField(description='REQUESTED: REQUESTED\nSPLIT: SPLIT\nAPPROVED_INSTANTLY: APPROVED_INSTANTLY\nSENT_TO_REVIEW: SENT_TO_REVIEW\nEVIDENCE_REQUESTED: EVIDENCE_REQUESTED\nEVIDENCE_PROVIDED: EVIDENCE_PROVIDED\nREFUND_ONLY_APPROVED: REFUND_ONLY_APPROVED\nRETURN_APPROVED: RETURN_APPROVED\nREJECTED: REJECTED\nWAREHOUSE_CONFIRMED: WAREHOUSE_CONFIRMED\nGOODS_FOUND_WITH_CUSTOMER: GOODS_FOUND_WITH_CUSTOMER\nRETURN_SHIPPED: RETURN_SHIPPED\nRETURN_RECEIVED: RETURN_RECEIVED\nINSPECTION_PASSED: INSPECTION_PASSED\nINSPECTION_REFUSED: INSPECTION_REFUSED\nFINANCE_APPROVED: FINANCE_APPROVED\nFINANCE_SENT_BACK: FINANCE_SENT_BACK\nPAYMENT_STARTED: PAYMENT_STARTED\nPAYOUT_PARKED: PAYOUT_PARKED\nPAYOUT_RESUMED: PAYOUT_RESUMED\nPAYOUT_SUCCEEDED: PAYOUT_SUCCEEDED\nREFUNDED: REFUNDED\nPAYMENT_STUCK: PAYMENT_STUCK\nPAYMENT_RETRIED: PAYMENT_RETRIED\nPAYMENT_REVERSED: PAYMENT_REVERSED\nCANCELLED: CANCELLED\nIMPORTED: IMPORTED', enum_type=EventType, max_length=40),
        ),
        ops.AlterField(
            model_name='ImportRun',
            name='counts',
            field=fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AlterField(
            model_name='Payout',
            name='request',
            field=fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name='Payout',
            name='parked_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Payout',
            name='parked_reason',
            field=fields.CharField(null=True, max_length=40),
        ),
        ops.AlterField(
            model_name='ReasonTag',
            name='labels',
            field=fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AlterField(
            model_name='Return',
            name='requirements',
            field=fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AlterField(
            model_name='Shop',
            name='return_requirements',
            field=fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name='Shop',
            name='channel_order',
            field=fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name='Shop',
            name='courier_routes',
            field=fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name='Shop',
            name='gateway_routes',
            field=fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.RemoveConstraint(
            model_name='WebhookMessage',
            name=None,
            fields=['provider', 'event_id'],
        ),
        ops.AlterModelOptions(
            name='WebhookMessage',
            options={'table': 'webhook_message', 'app': 'refund_gql', 'unique_together': (('shop', 'provider', 'event_id', 'number'),), 'pk_attr': 'id', 'table_description': 'What one verified webhook of a provider said: stored once, then handled by a job.'},
        ),
        ops.RenameField(
            model_name='WebhookMessage',
            old_name='outcome',
            new_name='notice',
        ),
        ops.AlterField(
            model_name='WebhookMessage',
            name='notice',
            field=fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        # A message about no payout of ours was only logged; it belongs to no shop and goes.
        ops.RunSQL(
            [
                'UPDATE webhook_message m SET shop_id = p.shop_id FROM payout p'
                ' WHERE p.number = m.number AND m.shop_id IS NULL',
                'DELETE FROM webhook_message WHERE shop_id IS NULL',
                "UPDATE webhook_message SET notice = jsonb_build_object('outcome', notice)",
            ],
            ops.RunSQL.noop,
        ),
        ops.AlterField(
            model_name='WebhookMessage',
            name='shop',
            field=fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT),
        ),
        ops.AddConstraint(
            model_name='WebhookMessage',
            constraint=UniqueConstraint(fields=('shop', 'provider', 'event_id', 'number'), name=None),
        ),
    ]
