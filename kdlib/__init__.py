"""kdlib: how far apart are two models, and what to do about it?

Divergences between the outputs of a teacher and a student, losses that make them small, and the
statistics that say how sure we are. `p` is the reference (teacher), `q` the approximation
(student); classes lie on the last axis; results are in nats. The course in `notebooks/` teaches
everything that is here.
"""

import torch

from kdlib import checks, divergences, losses

__all__ = ["checks", "divergences", "losses", "setup"]
__version__ = "0.1.0"


def setup(seed: int = 0) -> None:
    """Make what follows repeatable: one thread, torch's generator seeded, the house style.

    The first line of every lesson. One thread, because small models train slower on many, and
    because sums taken in another order differ in their last digits.
    """
    from kdlib.figures import use_style

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    use_style()
