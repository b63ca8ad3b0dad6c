"""When does the small model answer, what does it cost, and how good are both together?

`scores`: how sure the small model is. `curve`: quality at every rate of deferral, `intervals` how
sure that is, `oracle` how good it could be. `bill`: prices, break-even, more than two stages.
`latency`: how long users wait. `certificate`: which threshold can be promised. `report`: all of it
for somebody's two models. `runner`: a cascade that answers; `drift`: whether its inputs still are
what they were.
"""

from kdlib.cascade.bill import (
    Bill,
    Stage,
    break_even,
    cascade_bill,
    cascade_cost,
    chain_bill,
    router_cost,
)
from kdlib.cascade.certificate import (
    certified_budget,
    certified_threshold,
    inputs_needed,
)
from kdlib.cascade.curve import DeferralCurve, OperatingPoint, deferral_curve
from kdlib.cascade.drift import DriftMonitor
from kdlib.cascade.intervals import CurveIntervals, curve_intervals
from kdlib.cascade.latency import LatencyProfile, cascade_latency, latency_profile
from kdlib.cascade.oracle import oracle_at_most, oracle_curve, pareto_front
from kdlib.cascade.outcomes import CascadeRun
from kdlib.cascade.promise import Certificate
from kdlib.cascade.report import ThresholdReport, recommend
from kdlib.cascade.runner import Cascade
from kdlib.cascade.scores import Score, confidence
from kdlib.cascade.stages import CascadeStage, from_logits, from_probabilities

__all__ = [
    "Bill",
    "Cascade",
    "CascadeRun",
    "CascadeStage",
    "Certificate",
    "CurveIntervals",
    "DeferralCurve",
    "DriftMonitor",
    "LatencyProfile",
    "OperatingPoint",
    "Score",
    "Stage",
    "ThresholdReport",
    "break_even",
    "cascade_bill",
    "cascade_cost",
    "cascade_latency",
    "certified_budget",
    "certified_threshold",
    "chain_bill",
    "confidence",
    "curve_intervals",
    "deferral_curve",
    "from_logits",
    "from_probabilities",
    "inputs_needed",
    "latency_profile",
    "oracle_at_most",
    "oracle_curve",
    "pareto_front",
    "recommend",
    "router_cost",
]
