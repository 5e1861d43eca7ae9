"""Where parcels go: the journeys of the file, and those that a tracking number names."""

import re

from pydantic import BaseModel, ConfigDict, Field

from refund_gql_sandbox.script import Script


class Stop(BaseModel):
    """One checkpoint to come. Seconds are counted from when the courier first heard of the
    parcel, and pass as fast as the setting `speed` says."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    after: float = Field(ge=0)
    """Seconds until it is seen."""
    code: str
    """One of the courier's codes, or any other: that one is in no table."""
    happened: float | None = None
    """Seconds at which it says it happened, also before the start; None for `after`."""
    text: str | None = None
    """The courier's words; None for those that go with the code."""
    place: str = ""


class Journey(BaseModel):
    """A line of the file of journeys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tracking_number: str | None = None
    """The parcel; left out, every parcel that no line before has named."""
    checkpoints: tuple[Stop, ...]
    """None at all: a number that the courier never hears of."""


def _stops(*stops: tuple[float, str] | tuple[float, str, float]) -> tuple[Stop, ...]:
    return tuple(
        Stop(after=after, code=code, happened=happened[0] if happened else None)
        for after, code, *happened in stops
    )


_SENT = ((0.0, "ANNOUNCED"), (2.0, "PICKED_UP"), (4.0, "HUB"))

JOURNEYS = {
    "DELIVERED": _stops(*_SENT, (6, "OUT"), (8, "SIGNED")),
    "TRANSIT": _stops(*_SENT),
    "PENDING": _stops((0, "KNOWN")),
    "LOCKER": _stops(*_SENT, (6, "OUT"), (8, "LOCKER")),
    "MISSED": _stops(*_SENT, (6, "OUT"), (8, "MISSED"), (10, "OUT"), (12, "SIGNED")),
    "CUSTOMS": _stops(*_SENT, (6, "CUSTOMS"), (8, "OUT"), (10, "SIGNED")),
    "DECLINED": _stops(*_SENT, (6, "DECLINED"), (8, "GOING_BACK"), (12, "BACK")),
    "LOST": _stops(*_SENT, (6, "LOST")),
    "SILENT": _stops(*_SENT, (6, "SILENT")),
    "GARBAGE": _stops(*_SENT, (6, "X-77"), (8, "SIGNED")),
    "BACKWARDS": _stops(*_SENT, (6, "SIGNED"), (8, "OUT", -3600)),
    "DOUBLED": _stops(*_SENT, (4, "HUB", 4), (6, "SIGNED"), (7, "SIGNED", 6)),
}
"""By the word in the tracking number: `SBX-DELIVERED-0001` goes on the first."""

_NAMED = re.compile(r"SBX-([A-Z]+)-")


def planned(tracking_number: str, journeys: Script[Journey]) -> tuple[Stop, ...]:
    """Where the parcel goes; nowhere when neither the file nor its number says so.

    Blocks on the disk. Raises InstructionError.
    """
    for line in journeys.lines():
        if line.tracking_number in (None, tracking_number):
            return line.checkpoints
    named = _NAMED.match(tracking_number)
    return JOURNEYS.get(named[1], ()) if named else ()
