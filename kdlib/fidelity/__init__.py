"""Did the student become the teacher?

`measures`: agreement, churn, chance-corrected agreement, copied errors, KL profile; conventions and
references are there. `slices`: the same by class, margin, group, right and wrong. `counter`: for
data that does not fit. A report of everything, from logits or probabilities: kdlib.audit.
"""

from kdlib.fidelity.counter import FidelityCounter
from kdlib.fidelity.measures import (
    added_agreement,
    agreement,
    churn,
    churn_bounds,
    cohens_kappa,
    copied_errors,
    error_consistency,
    kl_profile,
)
from kdlib.fidelity.profile import KLProfile
from kdlib.fidelity.report import FidelityReport
from kdlib.fidelity.slices import (
    Slice,
    agreement_by_class,
    agreement_by_correctness,
    agreement_by_group,
    agreement_by_margin,
)

__all__ = [
    "FidelityCounter",
    "FidelityReport",
    "KLProfile",
    "Slice",
    "added_agreement",
    "agreement",
    "agreement_by_class",
    "agreement_by_correctness",
    "agreement_by_group",
    "agreement_by_margin",
    "churn",
    "churn_bounds",
    "cohens_kappa",
    "copied_errors",
    "error_consistency",
    "kl_profile",
]
