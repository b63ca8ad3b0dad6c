"""Figures of the course: the house style, the one way to show them, and the kinds there are.

Every kind makes a plain `matplotlib.figure.Figure`. Figures of pyplot are global: in a notebook its
inline backend shows and closes all of them after a cell, also one that another thread is just
drawing for a slider.
"""

from kdlib.figures.arrangements import arrangements
from kdlib.figures.charts import (
    answers_in_words,
    band_chart,
    compare_answers,
    interval_chart,
    line_chart,
)
from kdlib.figures.show import show
from kdlib.figures.simplex import simplex_grid, simplex_maps, student_on_simplex
from kdlib.figures.style import (
    BASELINE,
    INK,
    STUDENT,
    STUDENT_2,
    STUDENT_3,
    TEACHER,
    line,
    use_style,
)

__all__ = [
    "BASELINE",
    "INK",
    "STUDENT",
    "STUDENT_2",
    "STUDENT_3",
    "TEACHER",
    "answers_in_words",
    "arrangements",
    "band_chart",
    "compare_answers",
    "interval_chart",
    "line",
    "line_chart",
    "show",
    "simplex_grid",
    "simplex_maps",
    "student_on_simplex",
    "use_style",
]
