"""How stateful tests are played against the real database."""

from hypothesis import HealthCheck, Phase
from hypothesis import settings as campaign

CAMPAIGN = campaign(
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    # Shrinking replays the story a thousand times; the story as it was found is short enough.
    phases=[Phase.generate],
)
