"""Which canned text (话术) was used for a refund, written down with the step itself."""

from uuid import UUID

from refund_gql.errors import InvalidInput, NotFound
from refund_gql.flow.journal import Change
from refund_gql.models import Script, ScriptUse


async def record(change: Change, script_id: UUID | None) -> None:
    """Count the use with the event that was recorded last; None: the words were somebody's own.

    Raises NotFound, and InvalidInput for a text that is retired.
    """
    if script_id is None:
        return
    scripts = Script.filter(id=script_id, shop_id=change.refund.shop_id)
    script = await scripts.using_db(change.tx).first()
    if script is None:
        raise NotFound(kind="Script", id=str(script_id))
    if script.retired_at is not None:
        raise retired(script)
    await ScriptUse.create(
        using_db=change.tx,
        shop_id=script.shop_id,
        script_id=script.id,
        number=script.version,
        refund_id=change.refund.id,
        version=change.refund.version,
        used_by=change.viewer.actor,
        at=change.now,
    )


def retired(script: Script) -> InvalidInput:
    """Nobody says it any more."""
    return InvalidInput(
        field="scriptId",
        found=script.code,
        expected="a text that is not retired",
        zh="未停用的话术",
    )
