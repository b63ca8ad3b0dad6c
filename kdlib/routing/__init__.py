"""Which model should answer, before any has, and is deciding better than not deciding?

`routers`: the baselines that a router must beat. `league`: routers beside random calls of the same
cost and beside always asking one model. `counts`: published results of two language models.
"""

from kdlib.routing.counts import RouterCounts, counts_to_rows, load_router_counts
from kdlib.routing.league import League, Standing, calls_at, league, over_shuffle
from kdlib.routing.routers import (
    constant_score,
    group_score,
    learned_score,
    length_score,
    neighbour_score,
)

__all__ = [
    "League",
    "RouterCounts",
    "Standing",
    "calls_at",
    "constant_score",
    "counts_to_rows",
    "group_score",
    "league",
    "learned_score",
    "length_score",
    "load_router_counts",
    "neighbour_score",
    "over_shuffle",
]
