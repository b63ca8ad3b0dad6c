"""A known world must really be known: exact probabilities, honest samples, one minimum."""

import math

import pytest
import torch
from scipy.stats import multivariate_normal
from torch.nn import functional as F

from kdlib.data import Examples
from kdlib.mixtures import GaussianMixture, chance_right, polynomial, ring, softmax_regression

UNEVEN = GaussianMixture(
    [[0.0, 0.0], [2.0, 1.0], [-1.0, 3.0]], spreads=[0.5, 1.0, 2.0], shares=[0.2, 0.5, 0.3]
)


def test_bayes_probabilities_are_those_of_scipy_s_densities():
    points = torch.randn(20, 2, generator=torch.Generator().manual_seed(0)).double()
    densities = torch.stack(
        [
            share * torch.from_numpy(multivariate_normal(centre, spread**2).pdf(points.numpy()))
            for centre, spread, share in zip(
                UNEVEN.centres.tolist(),
                UNEVEN.spreads.tolist(),
                UNEVEN.shares.tolist(),
                strict=True,
            )
        ],
        -1,
    )
    expected = densities / densities.sum(-1, keepdim=True)
    torch.testing.assert_close(UNEVEN.log_probabilities(points).exp(), expected)


def test_probabilities_far_from_every_centre_are_no_nan():
    log_p = ring().log_probabilities([[500.0, 1.0]])
    assert log_p.isfinite().all() and log_p.exp().sum().item() == pytest.approx(1)


def test_any_leading_axes_are_allowed():
    points = torch.zeros(3, 4, 2)
    assert UNEVEN.log_probabilities(points).shape == (3, 4, 3)


def test_a_sample_is_a_set_of_examples_with_the_bayes_teacher():
    examples = UNEVEN.sample(50, seed=3)
    assert isinstance(examples, Examples) and len(examples) == 50
    torch.testing.assert_close(examples.teacher_logits, UNEVEN.log_probabilities(examples.inputs))


def test_a_sample_depends_on_its_seed_alone():
    torch.manual_seed(1)
    first = UNEVEN.sample(30, seed=5)
    torch.manual_seed(2)
    again, other = UNEVEN.sample(30, seed=5), UNEVEN.sample(30, seed=6)
    assert torch.equal(first.inputs, again.inputs) and torch.equal(first.labels, again.labels)
    assert not torch.equal(first.inputs, other.inputs)


def test_labels_follow_the_shares_and_the_bayes_probabilities():
    examples = UNEVEN.sample(40_000)
    p = examples.teacher_logits.exp()
    frequencies = F.one_hot(examples.labels, 3).double()
    torch.testing.assert_close(frequencies.mean(0), UNEVEN.shares, atol=0.01, rtol=0)
    # Calibration: among points whose first class has probability 0.4 to 0.6, about half are of it.
    unsure = (p[:, 1] - 0.5).abs() < 0.1
    assert frequencies[unsure, 1].mean().item() == pytest.approx(
        p[unsure, 1].mean().item(), abs=0.03
    )


def test_the_bayes_error_of_two_classes_is_the_normal_tail():
    world = GaussianMixture([[-1.0], [1.0]], spreads=[1.0, 1.0], shares=[0.5, 0.5])
    p = world.sample(100_000).teacher_logits.exp()
    tail = 0.5 * math.erfc(1 / math.sqrt(2))  # P(Z > 1)
    assert 1 - chance_right(p, p).mean().item() == pytest.approx(tail, abs=0.004)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"spreads": [1.0, 0.0, 1.0]}, r"spreads\[1\]"),
        ({"shares": [0.5, 0.5, 0.5]}, "shares"),
        ({"centres": [[0.0], [1.0]]}, r"\(K, D\)"),
        ({"spreads": [1.0, 1.0]}, r"\(K, D\)"),
    ],
)
def test_an_impossible_world_is_refused_by_the_name_of_its_part(change, expected):
    parts = {"centres": [[0.0], [1.0], [2.0]], "spreads": [1.0] * 3, "shares": [0.2, 0.3, 0.5]}
    with pytest.raises(ValueError, match=expected):
        GaussianMixture(**parts | change)


def test_points_of_another_dimension_are_refused():
    with pytest.raises(ValueError, match="2 coordinates"):
        UNEVEN.log_probabilities([[1.0, 2.0, 3.0]])


def test_chance_right_is_accuracy_without_the_draw_of_labels():
    p = torch.tensor([[0.6, 0.4], [0.1, 0.9]])
    q = torch.tensor([[0.2, 0.8], [0.3, 0.7]])
    assert chance_right(p, q).tolist() == pytest.approx([0.4, 0.9])


def test_a_polynomial_has_one_column_per_monomial():
    assert polynomial(torch.zeros(7, 2), 3).shape == (7, 10)  # 1 + 2 + 3 + 4
    assert polynomial(torch.tensor([[2.0]]), 4).tolist() == [[1, 2, 4, 8, 16]]


def a_task(count=60, seed=0):
    examples = ring(4).sample(count, seed)
    return polynomial(examples.inputs, 2), F.one_hot(examples.labels, 4).double()


@pytest.mark.parametrize("ridge", [1e-6, 1e-2, 10.0])
def test_the_gradient_is_zero_at_the_weights_that_are_found(ridge):
    features, targets = a_task()
    weights = softmax_regression(features, targets, ridge).requires_grad_()
    loss = F.cross_entropy(features @ weights, targets) + ridge / 2 * weights.square().sum()
    (gradient,) = torch.autograd.grad(loss, weights)
    assert gradient.abs().max() < 1e-5 * max(1, ridge)


def test_separable_labels_still_have_a_finite_minimum():
    features, targets = a_task(count=3)
    assert softmax_regression(features, targets, 1e-6).isfinite().all()


def test_students_fitted_together_are_those_fitted_alone():
    tasks = [a_task(seed=seed) for seed in range(6)]
    features, targets = (torch.stack(part) for part in zip(*tasks, strict=True))
    together = softmax_regression(features.view(2, 3, 60, 6), targets.view(2, 3, 60, 4), 1e-3)
    alone = torch.stack([softmax_regression(*task, 1e-3) for task in tasks])
    torch.testing.assert_close(together.view(6, 6, 4), alone, atol=1e-6, rtol=1e-5)


def test_as_many_bayes_answers_as_unknowns_make_a_linear_student_equal_to_its_teacher():
    world = ring()
    test = world.sample(200, seed=99)
    features = {n: polynomial(world.sample(n, seed=1).inputs, 1) for n in (2, 3)}
    answers = {n: world.sample(n, seed=1).teacher_logits.exp() for n in (2, 3)}
    found = {n: softmax_regression(features[n], answers[n], 1e-10) for n in (2, 3)}
    wrong = {n: polynomial(test.inputs, 1) @ found[n] for n in (2, 3)}
    gap = {n: (wrong[n].softmax(-1) - test.teacher_logits.exp()).abs().max() for n in (2, 3)}
    assert gap[3] < 1e-3 < 0.1 < gap[2]


@pytest.mark.parametrize(
    ("features", "targets", "ridge", "expected"),
    [
        (torch.ones(3, 1), torch.tensor([[0.5, 0.5]] * 2), 1.0, r"\(\.\.\., N, F\)"),
        (torch.ones(2, 1), torch.tensor([[0.5, 0.7]] * 2), 1.0, "targets"),
        (torch.ones(2, 1), torch.tensor([[0.5, 0.5]] * 2), 0.0, "ridge"),
    ],
)
def test_what_cannot_be_fitted_is_refused(features, targets, ridge, expected):
    with pytest.raises(ValueError, match=expected):
        softmax_regression(features, targets, ridge)
