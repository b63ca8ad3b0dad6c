"""Explorers: the frame that is always there, and the controls that redraw it."""

import ipywidgets
import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from kdlib import front_end, widgets
from kdlib.front_end import WIDGET_VIEW
from kdlib.widgets import choose, explore, slider, text_box


@pytest.fixture(autouse=True)
def _no_export_and_no_open_figures(monkeypatch):
    monkeypatch.delenv("KDLIB_FIGURES", raising=False)
    mpl.use("agg")
    plt.close("all")
    yield
    assert plt.get_fignums() == []


def draw(temperature=1.0, kind="kl", name_typed="Bolzano"):
    if temperature > 4:
        raise RuntimeError("no <curve> here")
    fig, ax = plt.subplots(figsize=(6, 4))
    ax.plot([0, temperature])
    return fig


def describe(temperature=1.0, kind="kl", name_typed="Bolzano"):
    return f"A line that rises to {temperature:.1f} for {kind} and the name {name_typed}."


def explorer(**controls):
    controls = controls or {"temperature": slider(0.0, 5.0, 1.0, 0.5, "temperature T")}
    return explore(draw, alt=describe, **controls)


def parts(explorer):
    *boxes, picture = explorer.live().children
    return boxes, picture


def test_the_frame_is_shown_where_there_is_no_front_end():
    bundle, metadata = explorer()._repr_mimebundle_()
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert bundle["text/plain"] == f"Figure: {describe(1.0)}"
    assert metadata == {"image/png": {"alt": describe(1.0)}}
    assert WIDGET_VIEW not in bundle


def test_the_same_bundle_has_the_controls_where_there_is_a_front_end(monkeypatch):
    monkeypatch.setattr(front_end, "kernel_runs", lambda: True)
    bundle, _ = explorer()._repr_mimebundle_()
    assert set(bundle) == {"image/png", "text/plain", WIDGET_VIEW}
    assert bundle[WIDGET_VIEW]["model_id"]


def test_the_words_are_on_the_page_too(monkeypatch):
    seen = []
    monkeypatch.setattr(widgets, "publish", lambda bundle, about=None: seen.append(bundle))
    explorer()._ipython_display_()
    assert describe(1.0) in seen[1]["text/html"]


def test_moving_a_control_redraws_the_frame_and_its_description():
    (box,), picture = parts(explorer())
    before = picture.value
    box.value = 2.5
    assert picture.value != before
    assert f'alt="{describe(2.5)}"' in picture.value


def test_the_newest_value_of_every_control_counts():
    (box, kind, typed), picture = parts(
        explorer(
            temperature=slider(0.0, 5.0, 1.0, 0.5),
            kind=choose({"KL": "kl", "JS": "js"}, "kl"),
            name_typed=text_box("Bolzano"),
        )
    )
    box.value, kind.value, typed.value = 3.0, "js", 'Łódź <b> "x"'
    assert (
        "A line that rises to 3.0 for js and the name Łódź &lt;b&gt; &quot;x&quot;."
        in picture.value
    )


def test_the_frame_keeps_its_size_so_that_nothing_jumps():
    (box,), picture = parts(explorer())
    box.value = 3.0
    assert 'width="540" height="360"' in picture.value
    box.value = 5.0
    assert "width: 540px; min-height: 360px" in picture.value


def test_an_error_is_explained_in_the_frame_and_the_next_value_is_drawn():
    (box,), picture = parts(explorer())
    box.value = 5.0
    assert "This could not be drawn" in picture.value
    assert "temperature = 5.0" in picture.value
    assert "no &lt;curve&gt; here (RuntimeError)" in picture.value
    box.value = 4.0
    assert f'alt="{describe(4.0)}"' in picture.value


def test_an_error_at_the_start_is_not_hidden():
    with pytest.raises(RuntimeError, match="no <curve> here"):
        explorer(temperature=slider(0.0, 5.0, 5.0, 0.5))


def test_figures_are_closed_also_when_drawing_fails_halfway():
    def halfway(temperature):
        plt.subplots()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        explore(halfway, alt="x" * 40, temperature=slider(0, 1, 0, 1))
    assert plt.get_fignums() == []


def test_a_figure_that_was_open_before_stays_open():
    fig = plt.figure()
    explorer()
    assert plt.get_fignums() == [fig.number]
    plt.close(fig)


def test_a_slider_of_whole_numbers_gives_whole_numbers():
    assert isinstance(slider(1, 5, 2, 1).make("k"), ipywidgets.IntSlider)
    assert isinstance(slider(0.0, 5, 2, 1).make("k"), ipywidgets.FloatSlider)


def test_controls_are_labelled_and_send_every_change():
    control = slider(0.0, 5.0, 1.0, 0.5, "temperature T").make("temperature")
    assert (control.description, control.continuous_update) == ("temperature T", True)
    assert choose([1, 2], 2).make("rank").description == "rank"
    assert text_box("Bolzano").make("place").value == "Bolzano"


def test_a_fixed_description_is_enough():
    assert (
        explore(lambda: draw(), alt="w" * 40)._repr_mimebundle_()[1]["image/png"]["alt"] == "w" * 40
    )


def test_a_short_description_and_a_bad_name_are_refused():
    with pytest.raises(ValueError, match="expected at least 40"):
        explore(draw, alt="A line.")
    with pytest.raises(ValueError, match="kebab-case"):
        explore(draw, alt="w" * 40, name="My Explorer")


def test_forgetting_to_return_the_figure_is_explained():
    with pytest.raises(TypeError, match=r"draw\(…\) is NoneType: expected a matplotlib figure"):
        explore(lambda: None, alt="w" * 40)


def test_the_starting_frame_is_exported_like_a_figure_and_later_frames_are_not(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("KDLIB_FIGURES", str(tmp_path))
    monkeypatch.setenv("KDLIB_LESSON", "03_temperature")
    shown = explore(draw, alt=describe, name="a-line", temperature=slider(0.0, 5.0, 1.0, 0.5))
    words = tmp_path / "03_temperature/a-line.txt"
    (box,), _ = parts(shown)
    box.value = 2.0
    assert words.read_text(encoding="utf-8") == describe(1.0) + "\n"


def test_a_redraw_is_timed_in_milliseconds():
    assert 0 < explorer().redraw_milliseconds(times=2) < 60_000
