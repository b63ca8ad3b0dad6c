"""A cascade that runs: who answers, what fails, what the journal brings back."""

import json
import math
import re
import threading
import time
from itertools import count

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdlib.bench.cascade_overhead import report as overhead_report
from kdlib.cascade.certificate import certified_threshold
from kdlib.cascade.drift import DriftMonitor
from kdlib.cascade.journal import fingerprint
from kdlib.cascade.runner import Cascade
from kdlib.cascade.scores import confidence
from kdlib.cascade.stages import CascadeStage, from_logits, from_probabilities


def stage(name, threshold=None, *, cost=1.0, sure=0.5, fails=lambda batch: False, **options):
    """A stage that answers "name:input"; `sure` is a number, or input -> confidence."""

    def ask(batch):
        if fails(batch):
            raise ConnectionError(f"{name} is down")
        confidences = [sure(x) if callable(sure) else sure for x in batch]
        return [f"{name}:{x}" for x in batch], confidences

    return CascadeStage(name, ask, threshold, cost, **options)


def small_and_large(**options):
    """The small stage is sure of even numbers."""
    sure = {"sure": lambda x: 0.9 if x % 2 == 0 else 0.1}
    return [stage("small", 0.5, **sure, **options), stage("large", cost=20.0)]


# --- who answers -------------------------------------------------------------------------------


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_every_input_is_answered_as_if_it_were_alone(data):
    """Against a loop over inputs; stages fail on batches that hold a multiple of their number."""
    number, size = data.draw(st.integers(1, 25)), data.draw(st.integers(1, 9))
    depth = data.draw(st.integers(2, 4))
    sure = data.draw(st.lists(st.lists(st.floats(0, 1), min_size=number, max_size=number),
                              min_size=depth, max_size=depth))  # fmt: skip
    bad = data.draw(st.lists(st.sets(st.integers(0, number - 1), max_size=3),
                             min_size=depth, max_size=depth))  # fmt: skip
    stages = [
        stage(f"s{i}", 0.5 if i < depth - 1 else None, cost=10.0**i,
              sure=lambda x, i=i: sure[i][x], fails=lambda batch, i=i: bool(bad[i] & set(batch)))
        for i in range(depth)
    ]  # fmt: skip
    run = Cascade(stages).run(list(range(number)), batch_size=size)

    for start in range(0, number, size):
        left = list(range(start, min(start + size, number)))
        asked = dict.fromkeys(left, 0)
        for i in range(depth):
            failed = bool(bad[i] & set(left))
            for x in left:
                asked[x] += 1
                assert (f"s{i}: ConnectionError" in run.errors.get(x, "")) == failed
                assert math.isnan(run.confidences[x, i]) == failed
            keep = [x for x in left if not failed and (sure[i][x] >= 0.5 or i == depth - 1)]
            for x in keep:
                assert (run.answers[x], run.stage[x]) == (f"s{i}:{x}", i)
                assert run.confidences[x, i] == sure[i][x]
                assert np.isnan(run.confidences[x, i + 1 :]).all()
            left = [x for x in left if x not in keep]
            if not left:
                break
        for x in left:
            assert (run.answers[x], run.stage[x]) == (None, -1)
        for x, times in asked.items():
            assert run.costs[x] == sum(10.0**i for i in range(times))
    assert run.unanswered.tolist() == [x for x in range(number) if run.stage[x] == -1]


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor])
def test_inputs_may_be_a_list_a_tuple_an_array_or_a_tensor(kind):
    stages = [
        CascadeStage("small", lambda x: (x, [0.9 if v % 2 == 0 else 0.1 for v in x]), 0.5, 1),
        CascadeStage("large", lambda x: ([-v for v in x], [1.0] * len(x)), cost=20),
    ]
    run = Cascade(stages).run(kind([4, 5, 6, 7]), batch_size=3)
    assert [int(x) for x in run.answers] == [4, -5, 6, -7]
    assert run.costs.tolist() == [1, 21, 1, 21] and run.deferral_rate == 0.5


def test_inputs_of_a_list_may_be_of_any_shape():
    inputs = [["a"], ["b", "c"], {"d": 1}]
    stages = [
        CascadeStage("small", lambda x: ([len(v) for v in x], [0.9] * 3), 0.5),
        stage("large"),
    ]
    assert Cascade(stages).run(inputs).answers == [1, 2, 1]


def test_a_confidence_at_the_threshold_is_kept():
    run = Cascade([stage("small", 0.5, sure=0.5), stage("large")]).run(["a"])
    assert run.stage.tolist() == [0]


def test_a_certificate_s_threshold_keeps_what_was_certified():
    rng = np.random.default_rng(0)
    score = rng.random(300)
    found = certified_threshold(score, rng.random(300) > score, 0.3)
    small = CascadeStage("small", lambda batch: (batch, batch), found.threshold)
    run = Cascade([small, stage("large")]).run(score)
    assert (run.stage == 0).sum() == found.kept


def test_torch_models_and_those_of_scikit_learn_become_stages():
    datasets = pytest.importorskip("sklearn.datasets")
    from sklearn.linear_model import LogisticRegression

    x, y = datasets.load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])
    model = LogisticRegression(max_iter=1000).fit(x, names[y])
    torch.manual_seed(0)
    linear = torch.nn.Linear(4, 3)

    def logits_of(batch):
        return linear(torch.tensor(batch, dtype=torch.float32))

    logits = logits_of(x).detach()
    margin = confidence(logits=logits, score="margin").numpy()
    threshold = np.sort(margin)[74:76].mean()  # between two, so that rounding cannot matter
    small = from_logits(logits_of, score="margin", classes=list(names))
    large = from_probabilities(model.predict_proba, classes=model.classes_)
    stages = [CascadeStage("small", small, threshold), CascadeStage("large", large)]
    run = Cascade(stages).run(x, batch_size=40)
    kept = margin >= threshold
    assert kept.sum() == 75 and ((run.stage == 0) == kept).all()
    expected = np.where(kept, names[logits.argmax(-1).numpy()], model.predict(x))
    assert run.answers == expected.tolist()
    assert run.confidences[~kept, 1] == pytest.approx(model.predict_proba(x)[~kept].max(-1))


# --- what fails --------------------------------------------------------------------------------


def test_a_stage_that_fails_on_a_tenth_of_its_calls_loses_no_input():
    calls = count()
    stages = small_and_large(fails=lambda batch: next(calls) % 10 == 3)
    run = Cascade(stages).run(list(range(1000)), batch_size=10)
    failed = [x for x in range(1000) if x // 10 % 10 == 3]
    assert sorted(run.errors) == failed and len(run.unanswered) == 0
    assert [a.split(":")[0] for a in run.answers] == [
        "large" if x % 2 or x // 10 % 10 == 3 else "small" for x in range(1000)
    ]
    small, large = run.counts
    assert (small.calls, small.asked, small.answered, small.failed) == (100, 1000, 450, 100)
    assert (large.calls, large.asked, large.answered, large.failed) == (100, 550, 550, 0)
    assert "On 100 a stage failed, and a later one answered." in str(run)


def test_what_the_last_stage_fails_on_is_unanswered_and_says_why():
    calls = count()
    large = stage("large", cost=20.0, fails=lambda batch: next(calls) % 10 == 0)
    run = Cascade([stage("small", 0.5, sure=0.1), large]).run(list(range(100)), batch_size=5)
    assert run.unanswered.tolist() == [0, 1, 2, 3, 4, 50, 51, 52, 53, 54]
    assert [run.answers[row] for row in run.unanswered] == [None] * 10
    assert run.errors[50] == "large: ConnectionError: large is down"
    assert (run.costs == 21).all() and run.confidences[50, 0] == 0.1
    assert "Nobody answered 10; on the first of them: large: ConnectionError" in str(run)


def test_an_error_ends_the_run_if_asked_to_and_the_journal_keeps_what_was_done(tmp_path):
    broken = True
    inputs, path = list(range(40)), tmp_path / "run.jsonl"
    stages = small_and_large(fails=lambda batch: broken and 25 in batch)
    with pytest.raises(ConnectionError, match="small is down") as raised:
        Cascade(stages, on_error="raise").run(inputs, batch_size=10, journal=path)
    assert "stage 'small'" in raised.value.__notes__[0]
    assert len(path.read_text().splitlines()) == 1 + 20
    broken = False
    run = Cascade(stages).run(inputs, batch_size=10, journal=path)
    assert run.resumed == 20 and not run.errors and len(run.unanswered) == 0


def test_a_stage_that_takes_too_long_passes_its_inputs_on():
    released = threading.Event()

    def hang(batch):
        released.wait(20)
        return batch, [1.0] * len(batch)

    run = Cascade([CascadeStage("small", hang, 0.5, timeout=0.05), stage("large")]).run(["a", "b"])
    released.set()
    assert run.answers == ["large:a", "large:b"]
    assert run.errors[0] == "small: TimeoutError: no answer within 0.05 s"
    assert run.counts[0].failed == 2 and run.counts[0].seconds >= 0.05


def test_with_a_timeout_answers_and_errors_are_what_they_are_without():
    stages = [stage("small", 0.5, sure=0.9, fails=lambda b: "b" in b, timeout=20), stage("large")]
    run = Cascade(stages).run(["a", "b"], batch_size=1)
    assert run.answers == ["small:a", "large:b"]
    assert run.errors == {1: "small: ConnectionError: small is down"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((2, 3)), "TypeError: returned ndarray, expected (answers, confidences)"),
        ((["x"], [1.0]), "ValueError: returned 1 answers and 1 confidences for 2 inputs"),
        ((["x", "y"], [1.0]), "ValueError: returned 2 answers and 1 confidences for 2 inputs"),
        ((["x", "y"], [1.0, math.nan]), "ValueError: confidences[1] is nan, expected a number"),
        ((["x", "y"], [None, None]), "TypeError: confidences is of type list and holds no plain"),
        ((["x", "y"], [[1.0], [1.0]]), "ValueError: confidences has shape (2, 1)"),
    ],
)
def test_a_stage_that_returns_something_else_has_failed(given, message):
    run = Cascade([CascadeStage("small", lambda batch: given, 0.5), stage("large")]).run(["a", "b"])
    assert run.answers == ["large:a", "large:b"] and run.errors[1].startswith(f"small: {message}")


def test_several_threads_run_one_cascade():
    monitor = DriftMonitor(np.linspace(0, 1, 100), 0.5, window=100)
    cascade = Cascade(small_and_large(), monitor=monitor)
    runs = [None] * 8

    def work(i):
        runs[i] = cascade.run(list(range(i, i + 200)), batch_size=7)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, run in enumerate(runs):
        assert run.answers == [f"{'large' if x % 2 else 'small'}:{x}" for x in range(i, i + 200)]
    small, large = cascade.counts
    assert (small.asked, small.answered, large.asked, large.answered) == (1600, 800, 800, 800)
    assert small.calls == sum(run.counts[0].calls for run in runs) == 8 * 29
    assert len(monitor.looks) == 16


# --- what is said and counted ------------------------------------------------------------------


def test_a_run_says_who_answered_and_what_it_cost():
    run = Cascade(small_and_large()).run(list(range(100)))
    text = str(run)
    assert "The small stage answered 50 of 100 inputs and passed on 50 % [40, 60]" in text
    assert "an input cost 11 on average" in text and "ms per input asked" in text
    assert text.splitlines()[0] in run._repr_html_()
    found = json.loads(json.dumps(run.to_dict()))
    assert found["answered_by"] == {"small": 50, "large": 50} and found["mean_cost"] == 11


def test_latency_is_that_of_the_calls_shared_by_their_inputs():
    def slow(batch):
        time.sleep(0.02)
        return batch, [1.0] * len(batch)

    run = Cascade([CascadeStage("small", slow, 0.5), stage("large")]).run(
        list(range(20)), batch_size=10
    )
    small, large = run.counts
    assert small.seconds >= 0.04 and small.latency == small.seconds / 20
    assert (large.seconds, large.latency) == (0, 0)


# --- the journal -------------------------------------------------------------------------------


def test_the_journal_holds_a_line_for_every_input(tmp_path):
    path = tmp_path / "run.jsonl"
    Cascade(small_and_large()).run([4, 5], ["a", "b"], journal=path)
    head, *lines = map(json.loads, path.read_text().splitlines())
    assert head["inputs"] == 2 and head["stages"][0] == {
        "name": "small", "threshold": 0.5, "cost": 1.0
    }  # fmt: skip
    assert lines == [
        {"id": "a", "answer": "small:4", "stage": "small", "confidences": [0.9, None],
         "cost": 1.0, "error": None},
        {"id": "b", "answer": "large:5", "stage": "large", "confidences": [0.1, 0.5],
         "cost": 21.0, "error": None},
    ]  # fmt: skip


def recorded(asked, **options):
    """Small and large, of which the small one notes what it is asked."""

    def note(batch):
        asked.extend(batch)
        return 13 in batch and len(batch) > 1  # never alone: so an odd batch shows

    return small_and_large(fails=note, **options)


def same_outcomes(a, b):
    np.testing.assert_array_equal(a.confidences, b.confidences)
    return (a.answers, a.errors, a.stage.tolist(), a.costs.tolist(), list(a.ids)) == (
        b.answers, b.errors, b.stage.tolist(), b.costs.tolist(), list(b.ids)
    )  # fmt: skip


def test_a_journal_cut_at_any_byte_is_completed_to_the_same_bytes(tmp_path):
    inputs, whole = list(range(8)), tmp_path / "whole.jsonl"
    plain = Cascade(small_and_large()).run(inputs, batch_size=3, journal=whole)
    text = whole.read_bytes()
    for length in range(len(text) + 1):
        path = tmp_path / "cut.jsonl"
        path.write_bytes(text[:length])
        asked = []
        run = Cascade(recorded(asked)).run(inputs, batch_size=3, journal=path)
        assert path.read_bytes() == text and same_outcomes(run, plain)
        done = max(0, text[:length].count(b"\n") - 1)
        assert (run.resumed, asked) == (done, inputs[done:])


def test_a_complete_journal_is_read_and_nothing_is_asked(tmp_path):
    path, asked = tmp_path / "run.jsonl", []
    first = Cascade(recorded(asked)).run(list(range(20)), batch_size=4, journal=path)
    assert asked == list(range(20)) and first.errors
    second = Cascade(recorded(asked)).run(list(range(20)), batch_size=4, journal=path)
    assert len(asked) == 20 and second.resumed == 20 and same_outcomes(first, second)
    assert second.counts[0].asked == 0 and "20 outcomes were in the journal already" in str(second)


def test_errors_unanswered_inputs_and_infinite_confidences_come_back(tmp_path):
    path = tmp_path / "run.jsonl"
    small = stage("small", math.inf, sure=lambda x: math.inf if x == "é\ud800" else -math.inf)
    large = stage("large", fails=lambda batch: True)
    inputs = ["é\ud800", "\n\r\u2028\x00", '"']
    first = Cascade([small, large]).run(inputs, inputs, journal=path)
    assert first.stage.tolist() == [0, -1, -1] and len(first.errors) == 2
    again = Cascade([small, large]).run(inputs, inputs, journal=path)
    assert again.resumed == 3 and same_outcomes(first, again)
    json.loads(path.read_text().splitlines()[1], parse_constant=pytest.fail)


def test_numbers_of_numpy_and_torch_are_answers_that_json_holds(tmp_path):
    answers = [np.int64(3), torch.tensor(4), np.array([1.5, 2]), {"a": np.float32(0.5)}]
    ask = CascadeStage("small", lambda batch: (answers, [1.0] * 4), 0.5)
    Cascade([ask, stage("large")]).run(list("abcd"), journal=tmp_path / "x")
    lines = (tmp_path / "x").read_text().splitlines()[1:]
    assert [json.loads(x)["answer"] for x in lines] == [3, 4, [1.5, 2.0], {"a": 0.5}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s, x: (s, x[:-1]), "was begun with inputs 10, not 9"),
        (lambda s, x: (s, x[1:] + [99]), "was begun with other inputs of the same number"),
        (lambda s, x: ([stage("small", 0.6), s[1]], x), "was begun with stages [{'name': 'small', "
         "'threshold': 0.5"),
        (lambda s, x: ([s[0], stage("huge", cost=20.0)], x), "was begun with stages"),
        (lambda s, x: ([s[0], stage("large", cost=21.0)], x), "was begun with stages"),
    ],
)  # fmt: skip
def test_a_journal_of_another_run_is_refused_and_left_alone(tmp_path, change, message):
    path, inputs, stages = tmp_path / "run.jsonl", list(range(10)), small_and_large()
    Cascade(stages).run(inputs, journal=path)
    before = path.read_bytes()
    stages, inputs = change(stages, inputs)
    with pytest.raises(ValueError, match=re.escape(message)):
        Cascade(stages).run(inputs, journal=path)
    assert path.read_bytes() == before


def test_other_batches_timeouts_and_policies_may_resume(tmp_path):
    path, inputs = tmp_path / "run.jsonl", list(range(10))
    Cascade(small_and_large()).run(inputs, journal=path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:6]))
    cascade = Cascade(small_and_large(timeout=20), on_error="raise")
    assert cascade.run(inputs, batch_size=4, journal=path).resumed == 5
    assert path.read_bytes() == b"".join(lines)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda lines: [b"my notes\n"], "is no journal of a cascade"),
        (lambda lines: [b"my notes"], "is no journal of a cascade"),
        (lambda lines: [b'{"a": 1}\n'], "is no journal of a cascade"),
        (lambda lines: [*lines[:2], b"{]\n", *lines[3:]], "line 3 is damaged"),
        (lambda lines: [*lines[:2], b"{}\n", *lines[3:]], "line 3 is damaged"),
        (lambda lines: [lines[0], *lines[2:]], "line 2 is of the input 1, expected 0"),
        (lambda lines: [*lines, lines[-1]], "has 4 outcomes for 3 inputs: it is damaged"),
    ],
)
def test_a_file_that_is_no_journal_or_damaged_is_refused_and_left_alone(tmp_path, damage, message):
    path = tmp_path / "run.jsonl"
    Cascade(small_and_large()).run([0, 1, 2], journal=path)
    path.write_bytes(b"".join(damage(path.read_bytes().splitlines(keepends=True))))
    before = path.read_bytes()
    with pytest.raises(ValueError, match=re.escape(message)):
        Cascade(small_and_large()).run([0, 1, 2], journal=path)
    assert path.read_bytes() == before


def test_two_runs_cannot_write_one_journal(tmp_path):
    path, errors = tmp_path / "run.jsonl", []

    def again(batch):
        with pytest.raises(ValueError, match="is being written by another run") as error:
            Cascade(small_and_large()).run([1, 2], journal=path)
        errors.append(error)
        return batch, [1.0] * len(batch)

    Cascade([CascadeStage("small", again, 0.5), stage("large")]).run([1, 2], journal=path)
    assert len(errors) == 1 and len(path.read_text().splitlines()) == 3


@pytest.mark.parametrize("answer", [object(), {1, 2}, math.nan, b"x"])
def test_an_answer_that_json_cannot_hold_is_refused_with_a_journal_only(tmp_path, answer):
    stages = [CascadeStage("small", lambda batch: ([answer], [1.0]), 0.5), stage("large")]
    assert Cascade(stages).run(["x"]).answers == [answer]
    with pytest.raises(TypeError, match="the answer to input 'a' is .*JSON cannot hold"):
        Cascade(stages).run(["x"], ["a"], journal=tmp_path / "run.jsonl")


def test_fingerprints_tell_inputs_apart():
    different = [
        ["a", "b"], ["ab"], ["b", "a"], [1, 2], ["1", "2"], [[1], [2]], [{"a": 1}, {"a": 2}],
        np.array([1, 2]), np.array([1.0, 2.0]), np.array([[1, 2]]), torch.tensor([1, 2], dtype=torch.int32),
        torch.tensor([1, 2], dtype=torch.bfloat16), np.array(["2020-01-01"], dtype="M8[D]"),
        [np.array([1, 2])], [torch.zeros(2000)], [torch.arange(2000.0)],
    ]  # fmt: skip
    assert len({fingerprint(x) for x in different}) == len(different)
    assert fingerprint([{"a": 1, "b": 2}]) == fingerprint([{"b": 2, "a": 1}])
    assert fingerprint([object()]) == fingerprint([object()]) != fingerprint([set()])
    assert fingerprint(np.array(["a", None], dtype=object)) == fingerprint(["a", None])


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stages", "error", "message"),
    [
        ([stage("a")], ValueError, "stages are ['a'], expected two or more with different names"),
        ([stage("a", 1), stage("a")], ValueError, "stages are ['a', 'a'], expected two or more"),
        ([stage("a"), stage("b")], ValueError, "stage 'a' is not the last and has no threshold"),
        (
            [stage("a", 1), stage("b", 1)],
            ValueError,
            "stage 'b' is the last and has the threshold 1",
        ),
        ([stage("a", math.nan), stage("b")], ValueError, "threshold is nan"),
        ([stage("a", "0.5"), stage("b")], TypeError, "threshold is '0.5', expected a number"),
        ([len, stage("b")], TypeError, "stages[0] is builtin_function_or_method, expected a Cas"),
        ([CascadeStage("a", [1], 1), stage("b")], TypeError, "ask of stage 'a' is list, expected"),
        ([stage("a", 1, cost=-1), stage("b")], ValueError, "cost of stage 'a' is -1, expected"),
        ([stage("a", 1, timeout=0), stage("b")], ValueError, "timeout of stage 'a' is 0, expected"),
    ],
)
def test_impossible_stages_are_refused(stages, error, message):
    with pytest.raises(error, match=re.escape(message)):
        Cascade(stages)


@pytest.mark.parametrize(
    ("inputs", "options", "error", "message"),
    [
        ("abc", {}, TypeError, "inputs is str, expected a list, a tuple, an array or a tensor"),
        ((x for x in "abc"), {}, TypeError, "inputs is generator"),
        (torch.tensor(1), {}, TypeError, "inputs is Tensor"),
        ([], {}, ValueError, "inputs is empty"),
        (["a"], {"ids": ["x", "y"]}, ValueError, "ids has 2 entries for 1 inputs"),
        (["a", "b"], {"ids": ["x", "x"]}, ValueError, "ids[1] is 'x' again"),
        (["a"], {"ids": [1.5]}, TypeError, "ids[0] is 1.5, expected a text or a whole number"),
        (["a"], {"batch_size": 0}, ValueError, "batch_size is 0"),
        (["a"], {"journal": 3}, TypeError, "journal is int, expected the name of a file"),
    ],
)
def test_impossible_inputs_are_refused(inputs, options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        Cascade(small_and_large()).run(inputs, **options)


def test_a_journal_in_no_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a folder"):
        Cascade(small_and_large()).run([1], journal=tmp_path / "no" / "run.jsonl")
    with pytest.raises(ValueError, match="is a folder"):
        Cascade(small_and_large()).run([1], journal=tmp_path)


def test_an_unknown_policy_is_refused():
    with pytest.raises(ValueError, match="on_error is 'skip', expected one of next, raise"):
        Cascade(small_and_large(), on_error="skip")


def test_the_benchmark_of_overhead_has_a_row_for_every_model_and_kind_of_run():
    rows = overhead_report(repeats=1, batches=1).splitlines()[4:]
    assert len(rows) == 9 and sum("journal" in row for row in rows) == 3
    assert all(float(row.split("|")[4]) > 0 for row in rows)
