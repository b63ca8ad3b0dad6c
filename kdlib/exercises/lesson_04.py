"""Exercises of lesson 04: dark knowledge."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from kdlib.divergences import kl
from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.judges import near, one_of, same_function, satisfies, wrong_options
from kdlib.exercises.quiz import Option, Question, Quiz
from kdlib.exercises.written import rows
from kdlib.losses import kd_loss

LESSON = "04"


def _two_rows(answer: Any) -> bool:
    written = rows(answer)
    shapes = [row.shape for row in written]
    return shapes == [(3,), (3,)] and all(bool(row.isfinite().all()) for row in written)


def _same_favourite(answer: Any) -> bool:
    a, b = rows(answer)
    clear = all(float(row.topk(2).values.diff().abs()) > 1e-6 for row in (a, b))
    return clear and int(a.argmax()) == int(b.argmax())


def _equally_sure(answer: Any) -> bool:
    a, b = (row.softmax(-1) for row in rows(answer))
    return abs(float(a.max() - b.max())) < 0.01


def _order_differs(answer: Any) -> bool:
    a, b = rows(answer)
    return a.argsort().tolist() != b.argsort().tolist()


def _tell_different_stories(answer: Any) -> bool:
    a, b = (row.softmax(-1) for row in rows(answer))
    return float(kl(a, b)) > 0.05


_SHAPE = "I need two lists of three finite logits: (a, b)."
_FAVOURITE = (
    "The favourites differ, or there is a tie, so the hard labels differ too. Keep the same largest "
    "entry in both."
)
_SURENESS = "One is surer than the other. Make the two largest probabilities equal (within .01)."
_STORY = (
    "The two tell the same story. Let one call the second class likelier than the third, and the "
    "other the reverse."
)
_FAINT = (
    "The order is right, but the difference is faint: KL is not above .05. Leave more for the other "
    "classes, or set them further apart. (If you wrote probabilities: logits are their logarithms.)"
)

dark_pair = Exercise(
    lesson=LESSON,
    name="dark_pair",
    title="What the label hides",
    statement=(
        "Write down the teacher's logits for two names, three countries each, such that the "
        "**favourite is the same**, the teacher is **equally sure** of it, and yet the two answers "
        "differ: $\\mathrm{KL}(a\\Vert b)>.05$. A student that hears only labels cannot tell them apart."
    ),
    difficulty=2,
    minutes=5,
    skill="designing an example",
    variable="my_logits",
    stub="my_logits = ...  # (a, b), each a list of three logits",
    hints=(
        "What is left after the favourite: how the rest is shared among the others.",
        "Exchange the second and third logit.",
    ),
    right=([2.0, 1.0, -1.0], [2.0, -1.0, 1.0]),
    explanation=(
        "The label and the confidence are the same. Only the wrong answers differ: the first name "
        "could also be of the second country, the other of the third."
    ),
    deepens=(
        "This is the knowledge that Hinton and colleagues called dark: it lies in the small "
        "probabilities, and a higher temperature makes it visible to the loss."
    ),
    judge=satisfies(
        (_two_rows, _SHAPE),
        (_same_favourite, _FAVOURITE),
        (_equally_sure, _SURENESS),
        (_order_differs, _STORY),
        (_tell_different_stories, _FAINT),
    ),
    wrong={
        "two_classes": Wrong(([1.0, 0.0], [1.0, 0.0]), _SHAPE),
        "other_favourite": Wrong(([2.0, 0.0, 0.0], [0.0, 2.0, 0.0]), _FAVOURITE),
        "surer": Wrong(([2.0, 0.0, 0.0], [5.0, 0.0, 0.0]), _SURENESS),
        "same": Wrong(([2.0, 1.0, 0.0], [2.0, 1.0, 0.0]), _STORY),
        "shifted": Wrong(([2.0, 1.0, 0.0], [5.0, 4.0, 3.0]), _STORY),
        "tie": Wrong(([2.0, 2.0, 0.0], [2.0, 0.0, 2.0]), _FAVOURITE),
        "too_sure": Wrong(([9.0, 1.0, 0.0], [9.0, 0.0, 1.0]), _FAINT),
        "probabilities": Wrong(([0.6, 0.3, 0.1], [0.6, 0.1, 0.3]), _FAINT),
    },
)

soften = Exercise(
    lesson=LESSON,
    name="soften",
    title="Soften an answer",
    statement=(
        "A teacher answers (.95, .03, .02) at temperature 1. What probability does it give its "
        "**first** class at temperature $T=5$? You have no logits, but logarithms of "
        "probabilities serve as well. Three digits are enough."
    ),
    difficulty=2,
    minutes=4,
    skill="applying a temperature to logits, not to probabilities",
    variable="my_soft_answer",
    stub="my_soft_answer = ...  # a probability",
    hints=(
        "`softmax(z / T)` needs logits z. `log(p)` differs from them only by a constant, which "
        "softmax does not see.",
        "`(tensor([0.95, 0.03, 0.02]).log() / 5).softmax(-1)`",
    ),
    right=0.509,
    explanation=(
        "Each logarithm is divided by 5, then exponentiated and normalised: (.509, .255, .235). "
        "The order of the classes stays."
    ),
    deepens=(
        "A published explanation (systemoverflow.com) prints (.45, .30, .25) for this very "
        "question. Recompute the numbers that you quote."
    ),
    judge=near(tolerance=0.002),
    wrong={
        "published": Wrong(
            0.45,
            "That number stands in a published explanation, and it is wrong: softmax(log(p)/5) "
            "gives another.",
        ),
        "divided": Wrong(
            0.19, "You divided the probability by 5. The temperature divides the logit."
        ),
        "softmax_of_probabilities": Wrong(
            0.3756,
            "You took the softmax of p / 5. The probabilities are no logits: take their logarithm "
            "first.",
        ),
        "percent": Wrong(50.9, "That is the percentage. A probability lies between 0 and 1."),
        "not_normalised": Wrong(
            0.9898, "That is p to the power 1/T. Now divide by the sum over the three classes."
        ),
        "unchanged": Wrong(
            0.95, "That is T = 1. A temperature above 1 makes the favourite less sure."
        ),
        "multiplied": Wrong(
            1.0, "You multiplied the logits by T. That sharpens; a division softens."
        ),
    },
)


def my_kd_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """T²·KL(teacher‖student) at temperature T, mean over examples. (N, K), (N, K) -> scalar."""
    log_p = F.log_softmax(teacher_logits / temperature, -1)
    log_q = F.log_softmax(student_logits / temperature, -1)
    return temperature**2 * (log_p.exp() * (log_p - log_q)).sum(-1).mean()


def _softened(logits: Tensor, temperature: float) -> Tensor:
    return F.softmax(logits / temperature, -1)


def _kd_loss_over_the_batch(s: Tensor, t: Tensor, temperature: float) -> Tensor:
    log_p, log_q = (F.log_softmax(z / temperature, 0) for z in (t, s))
    return temperature**2 * (log_p.exp() * (log_p - log_q)).sum(-1).mean()


def _logits(*rows: list[float]) -> Tensor:
    return torch.tensor(rows, requires_grad=True)


_KD_CASES = (
    (_logits([0.0, 0.0]), torch.tensor([[2.0, 0.0]]), 2.0),
    (_logits([0.0, 2.0, 1.0], [1.0, 0.0, 0.0]), torch.tensor([[3.0, 1.0, 0.0]] * 2), 4.0),
    (_logits([0.0, 1.0, 0.0]), torch.tensor([[1.0, 0.0, 3.0]]), 4.0),
    (_logits([200.0, -200.0]), torch.tensor([[-200.0, 200.0]]), 1.0),
)

kd_loss_by_hand = Exercise(
    lesson=LESSON,
    name="kd_loss_by_hand",
    title="Write the distillation loss",
    statement=(
        "Soften both models with the same temperature, $p=\\mathrm{softmax}(z_t/T)$ and "
        "$q=\\mathrm{softmax}(z_s/T)$. Return $T^2\\,\\mathrm{KL}(p\\Vert q)$, averaged over the "
        "examples."
    ),
    difficulty=2,
    minutes=6,
    skill="turning a formula into a loss, with all its details",
    variable="my_kd_loss",
    stub='''def my_kd_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """T²·KL(teacher‖student) at temperature T, mean over examples. (N, K), (N, K) -> scalar."""
    return ...  # your code here''',
    hints=(
        "`F.log_softmax(logits / temperature, -1)` for both; KL is a sum over classes, then a "
        "mean over examples.",
        "Weights: `log_p.exp()`. Ratio: `log_p - log_q`. Do not forget the factor T².",
    ),
    right=my_kd_loss,
    explanation=(
        "The gradient of the softened KL shrinks about as 1/T². The factor T² undoes that, so "
        "that the soft term keeps its weight beside a label loss when you change T."
    ),
    deepens=(
        "With a soft term alone, T² only rescales the learning rate. Beside a label term it "
        "decides who is heard."
    ),
    judge=same_function(_KD_CASES),
    wrong={
        "no_square": Wrong(
            lambda s, t, temperature: my_kd_loss(s, t, temperature) / temperature**2,
            "The factor T² is missing: at T = 4 your soft term is sixteen times weaker than at "
            "T = 1, and the labels win without your having decided so.",
        ),
        "kl_div_of_probabilities": Wrong(
            lambda s, t, temperature: (
                temperature**2
                * F.kl_div(
                    _softened(s, temperature), _softened(t, temperature), reduction="batchmean"
                )
            ),
            "F.kl_div wants log-probabilities as its first argument. A KL that comes out negative "
            "is always a sign of this.",
        ),
        "cross_entropy": Wrong(
            lambda s, t, temperature: (
                temperature**2 * F.cross_entropy(s / temperature, _softened(t, temperature))
            ),
            "This is the cross-entropy: KL plus the teacher's entropy. Its gradient is the same, "
            "but it is not 0 for a perfect copy.",
        ),
        "over_the_batch": Wrong(
            _kd_loss_over_the_batch,
            "Your softmax runs over the examples. Classes lie on the last axis.",
        ),
        "log_of_softmax": Wrong(
            lambda s, t, temperature: (
                temperature**2
                * (
                    _softened(t, temperature)
                    * (_softened(t, temperature) / _softened(s, temperature)).log()
                )
                .sum(-1)
                .mean()
            ),
            "Right for small logits. For large ones a probability is rounded to 0 before its "
            "logarithm is taken: use log_softmax.",
        ),
        "only_once": Wrong(
            lambda s, t, temperature: my_kd_loss(s, t, temperature) / temperature,
            "You scale by T. The gradient shrinks with 1/T²: scale by T².",
        ),
        "teacher_only": Wrong(
            lambda s, t, temperature: (
                temperature**2 * kl(_softened(t, temperature), _softened(s, 1.0)).mean()
            ),
            "Only the teacher is softened. Then a student equal to its teacher has a loss above "
            "0, and is trained away from it. Both need the same temperature.",
        ),
        "swapped": Wrong(
            lambda s, t, temperature: my_kd_loss(t, s, temperature),
            "This is KL(student‖teacher). The weights belong to the teacher.",
        ),
        "mean_over_classes": Wrong(
            lambda s, t, temperature: my_kd_loss(s, t, temperature) / s.shape[-1],
            "You took the mean over classes as well. Sum over classes, mean over examples.",
        ),
        "sum_over_examples": Wrong(
            lambda s, t, temperature: my_kd_loss(s, t, temperature) * len(s),
            "You summed over the examples. The mean keeps the step size when the batch grows.",
        ),
        "probabilities_softened": Wrong(
            lambda s, t, temperature: (
                temperature**2
                * kl(
                    _softened(t.softmax(-1), temperature), _softened(s.softmax(-1), temperature)
                ).mean()
            ),
            "You divided probabilities by T. The temperature divides logits.",
        ),
    },
)


def my_distillation_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    temperature: float,
    hard_weight: float,
) -> Tensor:
    """hard_weight · label loss + (1 - hard_weight) · kd_loss. (N, K), (N, K), (N,) -> scalar."""
    hard = F.cross_entropy(student_logits, labels)
    soft = kd_loss(
        student_logits=student_logits, teacher_logits=teacher_logits, temperature=temperature
    )
    return hard_weight * hard + (1 - hard_weight) * soft


def _mixed(s: Tensor, t: Tensor, labels: Tensor, temperature: float, hard: float) -> Tensor:
    """The same with the student's logits softened in the label term too."""
    softened = F.cross_entropy(s / temperature, labels)
    return hard * softened + my_distillation_loss(s, t, labels, temperature, 0.0) * (1 - hard)


_DISTILLATION_CASES = (
    (_logits([0.0, 1.0]), torch.tensor([[2.0, 0.0]]), torch.tensor([0]), 2.0, 0.25),
    (
        _logits([0.0, 2.0, 1.0], [1.0, 0.0, 0.0]),
        torch.tensor([[3.0, 1.0, 0.0], [0.0, 1.0, 2.0]]),
        torch.tensor([0, 2]),
        4.0,
        0.1,
    ),
)

labels_and_teacher = Exercise(
    lesson=LESSON,
    name="labels_and_teacher",
    title="Listen to both",
    statement=(
        "Where labels exist, a student may hear them and the teacher. Write `hard_weight` · "
        "(cross-entropy with the labels) + (1 − `hard_weight`) · (the library's `kd_loss`). The "
        "labels are compared with the student at temperature **1**. "
        "Remember: `kd_loss` takes keywords only."
    ),
    difficulty=2,
    minutes=5,
    skill="combining two losses without mixing up their settings",
    variable="my_distillation_loss",
    stub='''def my_distillation_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    temperature: float,
    hard_weight: float,
) -> Tensor:
    """hard_weight · label loss + (1 - hard_weight) · kd_loss. (N, K), (N, K), (N,) -> scalar."""
    return ...  # your code here''',
    hints=(
        "`F.cross_entropy(student_logits, labels)` wants logits, not probabilities.",
        "`kd_loss(student_logits=..., teacher_logits=..., temperature=...)`: keywords only, and "
        "T² is inside already.",
    ),
    right=my_distillation_loss,
    explanation=(
        "`hard` stands for labels, which put all weight on one class; `soft` for the teacher's "
        "probabilities. The library has this function as `distillation_loss`."
    ),
    deepens=(
        "Public code uses *alpha* for the weight of the soft term in some packages and for the "
        "hard one in others. A name such as `hard_weight` cannot be read the wrong way."
    ),
    judge=same_function(_DISTILLATION_CASES),
    wrong={
        "weights_exchanged": Wrong(
            lambda s, t, y, temperature, hard: my_distillation_loss(s, t, y, temperature, 1 - hard),
            "The weights are exchanged: `hard_weight` belongs to the labels.",
        ),
        "temperature_forgotten": Wrong(
            lambda s, t, y, temperature, hard: my_distillation_loss(s, t, y, 1.0, hard),
            "The temperature does not reach `kd_loss`, whose default is 1.",
        ),
        "roles_exchanged": Wrong(
            lambda s, t, y, temperature, hard: (
                hard * F.cross_entropy(s, y)
                + (1 - hard) * kd_loss(student_logits=t, teacher_logits=s, temperature=temperature)
            ),
            "Student and teacher are exchanged in the soft term.",
        ),
        "labels_softened": Wrong(
            _mixed,
            "The label term uses the softened student. The temperature is for comparing with the "
            "teacher; the labels are compared at T = 1, as the student will be used.",
        ),
        "squared_twice": Wrong(
            lambda s, t, y, temperature, hard: (
                my_distillation_loss(s, t, y, temperature, hard)
                + (temperature**2 - 1)
                * (1 - hard)
                * my_distillation_loss(s, t, y, temperature, 0.0)
            ),
            "T² twice: `kd_loss` has it inside.",
        ),
        "not_weighted": Wrong(
            lambda s, t, y, temperature, hard: (
                my_distillation_loss(s, t, y, temperature, 0.0)
                + hard * my_distillation_loss(s, t, y, temperature, 1.0)
            ),
            "The soft term has weight 1. The two weights should sum to 1.",
        ),
        "probabilities": Wrong(
            lambda s, t, y, temperature, hard: (
                hard * F.cross_entropy(s.softmax(-1), y)
                + (1 - hard) * my_distillation_loss(s, t, y, temperature, 0.0)
            ),
            "F.cross_entropy applies the softmax itself. You gave it probabilities, so it was "
            "applied twice.",
        ),
    },
)

_FAIRNESS = {
    "A": "Different seeds are what makes the interval honest; that is no flaw.",
    "B": "Measuring on names that neither student saw in training is right.",
    "C": "The soft student takes five times as many steps. Perhaps it is better only because it "
    "was trained longer: the budget must be equal.",
    "D": "Same size is right. A larger student would confuse size with teaching.",
}

fair_comparison = Exercise(
    lesson=LESSON,
    name="fair_comparison",
    title="Find the unfair step",
    statement=(
        "Somebody reports: *'Distillation adds 12 points.'* The report says:\n\n"
        "- **A**: five seeds for each student\n"
        "- **B**: accuracy on 4,000 test names that no student has seen\n"
        "- **C**: 400 steps on labels for the hard student, 2,000 steps on the teacher for the "
        "soft one, until both losses are flat\n"
        "- **D**: both students have 2,570 parameters\n\nWhich line spoils the claim?"
    ),
    difficulty=1,
    minutes=2,
    skill="reading an experiment",
    variable="my_suspect",
    stub='my_suspect = ...  # "A", "B", "C" or "D"',
    hints=(
        "What must be equal, so that the teacher is the only difference?",
        "Count how many gradient steps each student has had.",
    ),
    right="C",
    explanation=_FAIRNESS["C"],
    deepens=(
        "Equal steps are one fair budget, equal time another. Say which you used, and stop the "
        "baseline early if it overfits: otherwise it loses to itself."
    ),
    judge=one_of(_FAIRNESS),
    wrong=wrong_options(_FAIRNESS, right="C"),
)


_VERDICTS = {
    "A": "The estimate is above 0, but the interval reaches below it: so small a gain can be "
    "chance. Never report the estimate without its interval.",
    "B": "The interval holds values on both sides of 0, so the data fit a small gain and a small "
    "loss.",
    "C": "*Cannot tell* is not *equal*. The interval still allows a gain of 1.4 points.",
}

verdict_of_interval = Exercise(
    lesson=LESSON,
    name="verdict_of_interval",
    title="Write the verdict",
    statement=(
        "From another experiment: the soft student's accuracy minus the hard student's is "
        "**+0.6 points, interval [−0.2, +1.4]**. What do you write?\n\n"
        "- **A**: distillation is better\n- **B**: cannot tell\n- **C**: the two are equal"
    ),
    difficulty=1,
    minutes=2,
    skill="reading an interval",
    variable="my_verdict",
    stub='my_verdict = ...  # "A", "B" or "C"',
    hints=("Where does 0 lie?", "An interval is a list of values that fit the data."),
    right="B",
    explanation=_VERDICTS["B"],
    deepens=(
        "More test names narrow the interval over inputs; more seeds narrow the part that comes "
        "from training. Both kinds of chance are in it."
    ),
    judge=one_of(_VERDICTS),
    wrong=wrong_options(_VERDICTS, right="B"),
)

quiz = Quiz(
    lesson=LESSON,
    questions=(
        Question(
            "What does a soft label hold that a hard label does not?",
            (
                Option(
                    "How the rest of the probability is shared among the other classes.",
                    "Right: which mistakes would be small ones.",
                    right=True,
                ),
                Option(
                    "The truth, with less noise.",
                    "The teacher does not know the truth. Its favourite may be wrong.",
                ),
                Option(
                    "More classes.",
                    "Both speak of the same classes; the hard label gives all weight to one.",
                ),
            ),
        ),
        Question(
            "Fresh names labelled by the teacher helped more than soft labels on the old ones. "
            "What was the main help?",
            (
                Option(
                    "The student sees the teacher's function at many more points.",
                    "Right: with few names it can only learn the function there.",
                    right=True,
                ),
                Option(
                    "The student takes more steps.",
                    "It does not: all arms have the same number of steps.",
                ),
                Option(
                    "The fresh names have better labels.",
                    "They have none. The teacher's answers are less accurate than true labels.",
                ),
            ),
        ),
        Question(
            "A student never met an Italian name, yet it answers *Italy* for some. How?",
            (
                Option(
                    "The teacher gave Italy a little probability on other names, and the student "
                    "learned from which letters.",
                    "Right: soft labels speak of every class, on every example.",
                    right=True,
                ),
                Option(
                    "It guesses at random.",
                    "A student of hard labels is pushed away from Italy by every label it sees.",
                ),
                Option(
                    "Italian names must have slipped into its data.",
                    "A fair suspicion; the lesson asserts that there is none.",
                ),
            ),
        ),
        Question(
            "When is a teacher least likely to help?",
            (
                Option(
                    "When true labels for the same examples are plentiful.",
                    "Right: with 20,000 labelled names we could not tell the two apart.",
                    right=True,
                ),
                Option(
                    "When the student is smaller than the teacher.",
                    "That is the usual case, and where distillation was invented.",
                ),
                Option(
                    "When there are unlabelled examples.",
                    "That is where it helps most: the teacher can label them.",
                ),
            ),
        ),
    ),
)
