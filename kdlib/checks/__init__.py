"""Is this input what it claims to be? The only place where input errors are worded.

Each check returns the input in the form that the caller needs, or raises a ValueError or TypeError
that says what was wrong (name, shape, value, position), what was expected, and what to do.
`arrays`: numbers, distributions, settings. `logits`: what losses take. `examples`: names, data files, what
training takes. `scores`: what statistics take. `pictures`: names and descriptions of figures.
"""

from kdlib.checks.arrays import (
    SUM_TOLERANCE,
    Floats,
    as_floats,
    cost_matrix,
    distribution,
    distribution_pair,
    fraction,
    no_gradient,
    non_negative,
    one_of,
    positive,
    same_shape,
    temperature,
    weight,
)
from kdlib.checks.examples import (
    aligned,
    count,
    encoded,
    existing_file,
    finite_loss,
    intact_file,
    needs_gradient,
    positions,
    readable,
    several_names,
    string,
    trainable,
)
from kdlib.checks.logits import (
    hidden_and_weight,
    hidden_pair,
    kept_rows,
    labels_in_range,
    logit_shapes,
    logit_values,
    no_second_derivative,
    same_rows_and_classes,
)
from kdlib.checks.pictures import (
    figure,
    figure_name,
    figure_words,
)
from kdlib.checks.scores import (
    confidence,
    count_of,
    interval,
    resamples,
    same_scores_shape,
    scores,
    smallest_difference,
)

__all__ = [
    "Floats",
    "SUM_TOLERANCE",
    "aligned",
    "as_floats",
    "confidence",
    "cost_matrix",
    "count",
    "count_of",
    "distribution",
    "distribution_pair",
    "encoded",
    "existing_file",
    "figure",
    "figure_name",
    "figure_words",
    "finite_loss",
    "fraction",
    "hidden_and_weight",
    "hidden_pair",
    "intact_file",
    "interval",
    "kept_rows",
    "labels_in_range",
    "logit_shapes",
    "logit_values",
    "needs_gradient",
    "no_gradient",
    "no_second_derivative",
    "non_negative",
    "one_of",
    "positions",
    "positive",
    "readable",
    "resamples",
    "same_rows_and_classes",
    "same_scores_shape",
    "same_shape",
    "scores",
    "several_names",
    "smallest_difference",
    "string",
    "temperature",
    "trainable",
    "weight",
]
