"""What does a figure of this course look like?

`kdlib.mplstyle` holds the house style. The six colours of its cycle have roles, in this order, so
that the teacher looks the same in every lesson. Each colour stands out from white (WCAG 2.1, at
least 3:1), and any two of them differ in lightness, dash and marker, so that a figure can be read
in greyscale and with any colour vision (checked by tests with the model of Machado et al. 2009).
"""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.style

STYLE_FILE = Path(__file__).with_name("kdlib.mplstyle")
_CYCLE = mpl.rc_params_from_file(STYLE_FILE, use_default_template=False)["axes.prop_cycle"].by_key()
TEACHER, STUDENT, STUDENT_2, STUDENT_3, BASELINE, INK = _CYCLE["color"]


def use_style() -> None:
    """Draw every later figure in the house style, whatever the reader's own settings are."""
    matplotlib.style.use(["default", str(STYLE_FILE)])


def line(colour: str) -> dict[str, Any]:
    """Colour, dash and marker of a role, to be given to a plotting call.

    Args:
        colour: one of TEACHER, STUDENT, STUDENT_2, STUDENT_3, BASELINE, INK.

    Returns:
        Keyword arguments of `Axes.plot` and `Axes.errorbar`.

    >>> line(TEACHER)["linestyle"], line(STUDENT)["linestyle"]
    ('-', '--')
    """
    position = _CYCLE["color"].index(colour)
    return {key: values[position] for key, values in _CYCLE.items()}
