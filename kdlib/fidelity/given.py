"""What did somebody hand over as the answers of models to the same inputs?"""

from collections.abc import Mapping

from kdlib import checks
from kdlib.checks import Floats
from kdlib.fidelity.rows import Model


def models_of(given: Mapping[str, Floats], logits: bool | None) -> list[Model]:
    """Return what models say of the same inputs, and on which scale, without reading it whole.

    Args:
        given: name -> logits, log-probabilities or probabilities (N, K), N at least 2.
        logits: True for logits and log-probabilities, False for probabilities, of all models. None
            looks at each model's first rows.
    Raises:
        ValueError, TypeError: for answers that cannot be compared.
    """
    answers = {name: checks.class_rows(values, name) for name, values in given.items()}
    first, *_ = answers
    for name, values in answers.items():
        checks.same_inputs_and_classes(answers[first], values, (first, name))
    checks.two_inputs(len(answers[first]), first)
    return [_model(name, values, logits) for name, values in answers.items()]


def _model(name: str, values: checks.Answers, logits: bool | None) -> Model:
    if logits is None:
        probabilities = checks.look_like_probabilities(values, name)
        return Model(name, values, "probabilities" if probabilities else "logits", "guessed")
    return Model(name, values, "logits" if logits else "probabilities")
