"""Students of sequences learn from the tokens that count, from names, or from their own names."""

import math

import pytest
import torch
from torch.nn import functional

from kdlib.data import Examples, encode
from kdlib.divergences import DIVERGENCES, kl, skew_kl
from kdlib.language import (
    CharGRU,
    NgramModel,
    counted,
    every_name,
    generated_mix,
    log_prob,
    name_loss,
    on_policy_loss,
    precision_recall,
    sample,
    with_token_teacher,
    word_loss,
)
from kdlib.losses import generalized_js_loss, skew_kl_loss
from kdlib.models import load_teacher as load_classifier
from kdlib.training import fit, predict

TEXTS = ["Ulm", "Saint-Malo", "Łódź", "Villanueva de la Serena", "Å"]
SMALL, SHORT = 5, 4


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def batch():
    return with_token_teacher(Examples(inputs=encode(TEXTS)), CharGRU(seed=7).double())


@pytest.fixture
def student_logits(batch):
    return torch.randn(*batch.inputs.shape, 30, generator=generator(), dtype=torch.float64)


def bigrams(seed, sharpness=1.5):
    model = NgramModel(order=2, tokens=SMALL)
    torch.nn.init.normal_(model.table, std=sharpness, generator=generator(seed))
    return model


def exact_kl(p, q):
    names = every_name(SMALL, SHORT)
    return kl(log_prob(p, names), log_prob(q, names), log=True).item()


# --- what counts


@pytest.mark.parametrize("loss", [name_loss, word_loss(), word_loss(divergence="reverse_kl"),
                                  word_loss(divergence="total_variation", temperature=2.0),
                                  word_loss(skew_kl_loss, skew=0.1)])  # fmt: skip
@pytest.mark.parametrize("rubbish", [1e9, math.nan, -math.inf])
def test_padding_contributes_nothing_whatever_stands_there(loss, rubbish, batch, student_logits):
    """A mean over all positions, padding included, would fall with every short name; and what a
    model says after an end is anything."""
    padding = ~counted(batch.inputs)
    clean = loss(student_logits, batch)
    spoilt = student_logits.masked_fill(padding[..., None], rubbish).requires_grad_()
    teacher = batch.teacher_logits.view_as(student_logits)
    answers = teacher.masked_fill(padding[..., None], rubbish).flatten(1)
    spoilt_batch = batch[:]  # a copy, whose answers a check would refuse at other places
    object.__setattr__(spoilt_batch, "teacher_logits", answers)
    value = loss(spoilt, spoilt_batch)
    value.backward()
    assert value.item() == pytest.approx(clean.item(), rel=1e-12)
    assert (spoilt.grad[padding] == 0).all() and spoilt.grad[~padding].abs().sum(dim=-1).min() > 0


def test_padding_does_not_change_what_is_learned():
    """The same names in rows of 24 and of 12 characters train the same student."""
    students, rows = [CharGRU(seed=1).double() for _ in range(2)], encode(["Ulm", "Lyon", "Łódź"])
    for student, inputs in zip(students, (rows, rows[:, :12]), strict=True):
        examples = with_token_teacher(Examples(inputs=inputs), CharGRU(seed=2).double())
        fit(student, examples, word_loss(), steps=5, batch_size=2)
    for one, other in zip(*(s.parameters() for s in students), strict=True):
        assert torch.allclose(one, other, atol=1e-12)


def test_hard_labels_cost_the_nats_of_the_names(batch):
    student = CharGRU(seed=3).double()
    value = name_loss(student(batch.inputs), batch)
    nats = -log_prob(student, batch.inputs).sum() / counted(batch.inputs).sum()
    assert value.item() == pytest.approx(nats.item())


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_word_level_is_the_mean_divergence_over_tokens(divergence, batch, student_logits):
    seen, teacher = counted(batch.inputs), batch.teacher_logits.view_as(student_logits)
    p, q = teacher[seen].log_softmax(-1), student_logits[seen].log_softmax(-1)
    expected = DIVERGENCES[divergence].function(p, q, log=True).mean()
    assert word_loss(divergence=divergence)(student_logits, batch).item() == pytest.approx(
        expected.item(), rel=1e-9
    )


def test_other_losses_take_their_own_settings(batch, student_logits):
    seen, teacher = counted(batch.inputs), batch.teacher_logits.view_as(student_logits)
    p, q = teacher[seen].log_softmax(-1), student_logits[seen].log_softmax(-1)
    skewed = word_loss(skew_kl_loss, skew=0.1)(student_logits, batch)
    assert skewed.item() == pytest.approx(skew_kl(p, q, 0.1, log=True).mean().item())
    at_the_end = word_loss(generalized_js_loss, beta=1.0)(student_logits, batch)
    assert at_the_end.item() == 0, "generalised JS as published vanishes at its ends"
    normalized = word_loss(generalized_js_loss, beta=1.0, normalized=True)(student_logits, batch)
    assert normalized.item() == pytest.approx(kl(q, p, log=True).mean().item())


def test_row_i_of_the_teacher_belongs_to_name_i(batch):
    for i in range(len(batch)):
        alone = predict(CharGRU(seed=7).double(), batch.inputs[i : i + 1])
        assert torch.allclose(batch.teacher_logits[i], alone.flatten(), atol=1e-12)


def test_missing_and_foreign_teachers_are_named(batch, student_logits):
    with pytest.raises(ValueError, match="carry no teacher_logits.*with_token_teacher"):
        word_loss()(student_logits, Examples(inputs=batch.inputs))
    other = with_token_teacher(Examples(inputs=batch.inputs[:, :9]), CharGRU())
    with pytest.raises(ValueError, match=r"shape \(5, 270\) but student_logits.*same vocabulary"):
        word_loss()(student_logits, Examples(batch.inputs, teacher_logits=other.teacher_logits))
    with pytest.raises(ValueError, match=r"shape \(5, 24\), expected \(N, L, K\) for names"):
        name_loss(student_logits[..., 0], batch)


# --- on-policy


def test_without_mixing_on_policy_is_word_level(batch, student_logits):
    loss = on_policy_loss(CharGRU(), CharGRU(), mixing=0, generator=generator())
    assert loss(student_logits.requires_grad_(), batch) == word_loss()(student_logits, batch)


def test_on_policy_judges_the_student_on_names_that_it_draws_now(batch):
    student, teacher = CharGRU(seed=1).double(), CharGRU(seed=7).double()
    logits = student(batch.inputs)
    value = on_policy_loss(student, teacher, mixing=0.25, generator=generator(5))(logits, batch)
    own = sample(student, len(batch), generator=generator(5))
    on_own = word_loss()(student(own), with_token_teacher(Examples(inputs=own), teacher))
    assert value.item() == pytest.approx(
        0.75 * word_loss()(logits, batch).item() + 0.25 * on_own.item()
    )
    value.backward()
    assert all(p.grad is None for p in teacher.parameters())


def test_validation_is_judged_on_the_same_names_at_every_step(batch, student_logits):
    loss = on_policy_loss(CharGRU(), CharGRU(), mixing=1.0, generator=generator())
    assert (
        loss(student_logits, batch)
        == loss(student_logits, batch)
        == word_loss()(student_logits, batch)
    )


@pytest.mark.parametrize("divergence", ["kl", "reverse_kl"])
def test_from_its_own_names_alone_a_student_becomes_its_teacher(divergence):
    student, teacher = bigrams(1), bigrams(2)
    start = exact_kl(teacher, student)
    anything = with_token_teacher(
        Examples(inputs=torch.zeros(64, SHORT, dtype=torch.long)), teacher
    )
    loss = on_policy_loss(
        student, teacher, mixing=1.0, generator=generator(), divergence=divergence
    )
    fit(student, anything, loss, steps=150, batch_size=64, learning_rate=0.1, weight_decay=0)
    assert exact_kl(teacher, student) < 0.02 * start


def test_from_names_of_the_teacher_a_student_becomes_its_teacher():
    """Sequence level with samples; the soft targets at each token get closer with the same names."""
    teacher, left = bigrams(2), {}
    names = Examples(inputs=sample(teacher, 300, generator=generator(), length=SHORT))
    for loss in (name_loss, word_loss()):
        student = bigrams(1)
        fit(student, with_token_teacher(names, teacher), loss, steps=200, learning_rate=0.1,
            weight_decay=0)  # fmt: skip
        left[loss] = exact_kl(teacher, student)
    hard, soft = left.values()
    assert soft < hard / 3 < 0.1 * exact_kl(teacher, bigrams(1))


def test_a_mixing_outside_0_and_1_is_refused():
    with pytest.raises(ValueError, match="mixing is 1.5, expected a number from 0 to 1"):
        on_policy_loss(CharGRU(), CharGRU(), mixing=1.5, generator=generator())


# --- what the invented names are worth


def sharpened(model, temperature):
    other = NgramModel(order=2, tokens=SMALL)
    other.table.data = model.table.data / temperature
    return other


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_perfect_student_reaches_the_share_in_both(share):
    found = precision_recall(
        CharGRU(seed=1), CharGRU(seed=1), share=share, count=1000, generator=generator()
    )
    for interval in (found.precision, found.recall):
        assert interval.estimate == pytest.approx(share, abs=0.05)
    assert f"a perfect student: {share:g} in both" in str(found)
    assert found.to_dict()["share"] == share


def test_a_student_that_plays_safe_is_precise_and_recalls_little():
    teacher = CharGRU(seed=1)
    timid, wild = CharGRU(seed=1), CharGRU(seed=1)
    with torch.no_grad():
        teacher.predict.weight *= 8
        timid.predict.weight *= 16
        wild.predict.weight *= 4
    safe, bold = (
        precision_recall(teacher, s, count=1000, generator=generator()) for s in (timid, wild)
    )
    assert safe.precision.low > 0.9 > safe.recall.high
    assert bold.precision.high < 0.9 < bold.recall.low


def test_the_support_is_that_of_the_exact_probabilities():
    """Of all names the teacher's support are the most probable ones that together reach the share."""
    teacher, student, names = bigrams(2), bigrams(3), every_name(SMALL, SHORT)
    p, q = log_prob(teacher, names).exp(), log_prob(student, names).exp()
    order = p.argsort(descending=True)
    inside = order[: int((p[order].cumsum(0) < 0.8).sum()) + 1]
    found = precision_recall(
        teacher, student, share=0.8, count=4000, generator=generator(), length=SHORT
    )
    assert found.precision.estimate == pytest.approx(q[inside].sum().item(), abs=0.04)


def test_the_mix_of_countries_is_the_classifier_s_mean_probability():
    classifier, texts = load_classifier(), ["Kyoto", "Osaka", "Ulm"]
    mix = generated_mix(encode(texts), classifier)
    by_hand = functional.softmax(classifier(encode(texts)), dim=-1).double().mean(dim=0)
    assert torch.allclose(mix, by_hand, atol=1e-6) and mix.sum().item() == pytest.approx(1)
    empty = torch.cat([encode(texts), torch.zeros(4, 24, dtype=torch.long)])
    assert torch.equal(generated_mix(empty, classifier), mix), "an empty name comes from nowhere"


def test_a_model_that_only_stops_has_no_mix():
    with pytest.raises(ValueError, match="names are all empty"):
        generated_mix(torch.zeros(4, 24, dtype=torch.long), load_classifier())


def test_shares_and_vocabularies_are_checked():
    with pytest.raises(ValueError, match="share is 1.5, expected a number from 0 to 1"):
        precision_recall(CharGRU(), CharGRU(), share=1.5, generator=generator())
    with pytest.raises(ValueError, match="teacher has 30 tokens but student has 4"):
        precision_recall(CharGRU(), CharGRU(tokens=4), generator=generator())
