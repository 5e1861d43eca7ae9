from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('refund_gql', '0007_reactions')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Refund',
            name='announced',
            field=fields.IntField(default=0, db_default=0),
        ),
        # What is waiting now has its jobs; nobody is told of the past a second time.
        ops.RunSQL('UPDATE refund SET announced = version', ops.RunSQL.noop),
        ops.AddIndex(
            model_name='Refund',
            index=Index(fields=['updated_at']),
        ),
    ]
