"""What does the page of an audit say, beyond the report: figures, and how to read all this."""

from collections.abc import Sequence

from kdlib.fidelity.page import html_words
from kdlib.fidelity.report import FidelityReport, number_tables, worst_tables
from kdlib.reports.page import (
    Origin,
    Picture,
    file_name,
    html_figures,
    html_glossary,
    html_tables,
    whole_page,
)


def audit_page(report: FidelityReport, pictures: Sequence[Picture], origin: Origin) -> str:
    """Return the page as HTML."""
    student, teacher = (file_name(origin.files[role].file) for role in ("student", "teacher"))
    sections = {
        "In words": f'<div class="words">{html_words(report.words)}</div>',
        "In numbers": html_tables(number_tables(report)),
        "In figures": html_figures(pictures),
        "The worst examples": f"{html_tables(worst_tables(report))}{WORST}",
        "How to read this": html_glossary(READING),
    }
    title = f"Fidelity audit: {student} beside {teacher}"
    return whole_page(title, f"Does {student} mimic {teacher}?", sections, origin)


WORST = (
    "<p>Rows are counted from 0. Look at these inputs themselves: often they have something in "
    "common, such as a wrong label, a rare kind, or a damaged input.</p>"
)
READING = (
    (
        "Intervals, [low, high]",
        "What other inputs of the same kind could have shown, at 95 %. They speak of these very "
        "models: one model of each cannot say what training again would give.",
    ),
    (
        "Agreement",
        "How often both models have the same first answer. Two accurate models agree without ever "
        "having met, so it means little without a control.",
    ),
    (
        "Control",
        "A model trained as the student was, but without the teacher. What both have came for free. What "
        "the student has beyond it came with the teacher, or with whatever else differed in training.",
    ),
    (
        "KL(teacher || student), in nats",
        "How far the student's probabilities are from the teacher's: 0 for the same, infinite where "
        "the student calls impossible what the teacher allows. The mean hides a few lost inputs; "
        "the 99th percentile and the largest show them.",
    ),
    (
        "Flip budget",
        "The least KL at which another first answer is possible, given the teacher's probabilities. "
        "Below it both are bound to give the same answer.",
    ),
    (
        "Cohen's kappa and error consistency",
        "Agreement beyond what chance alone would give: kappa from how often each answer is given, "
        "error consistency from the two accuracies. 0 is chance, 1 a perfect copy.",
    ),
    (
        "Repeated mistakes",
        "Of the inputs on which the teacher is wrong, on how many the student gives the same wrong "
        "answer. A student that learned from labels would repeat about as many as the control; one "
        "that learned from another teacher's probabilities may repeat more of them too.",
    ),
    (
        "Parts of the inputs",
        "Every part has its own interval, so of twenty about one misses the truth, and the lowest of "
        "many looks worse than it is: check a surprising one on new inputs.",
    ),
)
