from tortoise import migrations
from tortoise.migrations import operations as ops
from refund_gql.models.row import new_id
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('refund_gql', '0005_risk')]

    initial = False

    operations = [
        ops.CreateModel(
            name='ReturnPolicy',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('number', fields.IntField()),
                ('window_days', fields.IntField()),
                ('author', fields.CharField(max_length=64)),
                ('author_name', fields.CharField(default='', max_length=200)),
                ('since', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'return_policy', 'app': 'refund_gql', 'unique_together': (('shop', 'number'),), 'constraints': [CheckConstraint(check='window_days BETWEEN 0 AND 3650', name='return_policy_window_in_range')], 'pk_attr': 'id', 'table_description': 'What the shop promises to orders placed from then on. Append-only: an order keeps what'},
            bases=['ShopRow'],
        ),
        ops.AddField(
            model_name='Order',
            name='presale',
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.AddField(
            model_name='Order',
            name='region',
            field=fields.CharField(default='', db_default='', max_length=6),
        ),
        ops.AddIndex(
            model_name='Decision',
            index=Index(fields=['shop_id', 'decided_at', 'id']),
        ),
        ops.AddConstraint(
            model_name='ReturnPolicy',
            constraint=CheckConstraint(check='window_days BETWEEN 0 AND 3650', name='return_policy_window_in_range'),
        ),
        # What shops promise today is their first policy.
        ops.RunSQL(
            'INSERT INTO return_policy (id, shop_id, number, window_days, author, author_name, since)'
            " SELECT gen_random_uuid(), id, 1, return_window_days, 'SYSTEM:-', '', created_at"
            ' FROM shop',
            ops.RunSQL.noop,
        ),
    ]
