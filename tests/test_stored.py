"""What is kept of a notebook, and what counts as a difference from a fresh run."""

import base64
import copy
import io

import numpy as np
import pytest
from nbformat import v4
from PIL import Image

from kdlib.front_end import WIDGET_VIEW
from kdlib.stored import clean, differences


def picture(shift=0, size=(60, 40)):
    """A dark bar on white, moved by `shift` pixels."""
    pixels = np.full((size[1], size[0], 3), 255, np.uint8)
    pixels[10:14, 10 + shift : 40 + shift] = 0
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def shown(data, **about):
    return v4.new_output("display_data", data=data, metadata=about)


def notebook(*outputs, source="draw()", count=1):
    cell = v4.new_code_cell(source, id="a-cell", outputs=list(outputs), execution_count=count)
    return v4.new_notebook(cells=[v4.new_markdown_cell("# Title", id="title"), cell])


def printed(text, name="stdout"):
    return v4.new_output("stream", name=name, text=text)


def test_the_same_notebook_does_not_differ_from_itself():
    nb = notebook(printed("1\n"), shown({"image/png": picture()}))
    assert differences(nb, copy.deepcopy(nb)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (printed("loss 0.93\n"), printed("loss 0.94\n")),
        (printed("loss 0.93\n"), printed("loss 0.93")),
        (shown({"text/plain": "0.93"}), shown({"text/plain": "0.94"})),
        (shown({"text/html": "<b>1</b>"}), shown({"text/html": "<b>2</b>"})),
        (printed("1\n"), printed("1\n", name="stderr")),
        (shown({"text/plain": "1"}), shown({"text/plain": "1", "text/html": "1"})),
    ],
)
def test_text_that_differs_in_one_character_is_found(old, new):
    (sentence,) = differences(notebook(old), notebook(new))
    assert sentence.startswith("cell a-cell: output 1: ")


def test_the_first_line_that_differs_is_quoted():
    (sentence,) = differences(notebook(printed("a\nb\nc\n")), notebook(printed("a\nB\nC\n")))
    assert sentence.endswith("stdout differs: stored 'b', fresh 'B'")


def test_a_changed_picture_is_found_though_its_size_is_the_same():
    old, new = (notebook(shown({"image/png": picture(shift)})) for shift in (0, 8))
    (sentence,) = differences(old, new)
    assert "image/png differs by" in sentence and "of 255" in sentence


def test_a_difference_that_no_eye_sees_is_allowed():
    barely = np.full((40, 60, 3), 254, np.uint8)
    files = []
    for pixels in (barely, barely + np.uint8(1)):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        files.append(base64.b64encode(file.getvalue()).decode())
    old, new = (notebook(shown({"image/png": file})) for file in files)
    assert differences(old, new) == []


def test_a_picture_of_another_size_is_found():
    old, new = (notebook(shown({"image/png": picture(size=(60, h))})) for h in (40, 41))
    assert differences(old, new) == [
        "cell a-cell: output 1: image/png has 60×40 pixels instead of 60×41"
    ]


def test_a_changed_description_of_a_picture_is_found():
    old, new = (
        notebook(shown({"image/png": picture()}, **{"image/png": {"alt": alt}})) for alt in "ab"
    )
    assert "image/png alt differs" in differences(old, new)[0]


def test_missing_outputs_are_found():
    (sentence,) = differences(notebook(), notebook(printed("1\n")))
    assert sentence == "cell a-cell: 0 outputs are stored, a fresh run gives 1"


def test_a_cell_that_was_never_run_is_found_and_one_run_out_of_order_too():
    assert "was never run" in differences(notebook(count=None), notebook())[0]
    assert "execution count 7 instead of 1" in differences(notebook(count=7), notebook())[0]


def test_an_empty_code_cell_need_not_have_run():
    assert differences(notebook(source=" ", count=None), notebook(source=" ", count=None)) == []


def test_a_source_that_is_out_of_date_is_found():
    (sentence,) = differences(notebook(source="x = ..."), notebook(source="x = 1"))
    assert sentence == "cell a-cell: the source is out of date: stored 'x = ...', fresh 'x = 1'"


def test_a_cell_that_is_missing_is_found():
    shorter = notebook()
    shorter.cells.pop()
    assert "the cells differ" in differences(shorter, notebook())[0]


def dirty():
    nb = notebook(
        shown({WIDGET_VIEW: {"model_id": "1"}, "image/png": picture(), "text/plain": "words"}),
        shown({WIDGET_VIEW: {"model_id": "2"}}),
        printed("kept\n"),
    )
    nb.metadata.update(
        widgets={"state": {}}, kernelspec={"name": "my-conda"}, signature="x",
        language_info={"name": "python", "version": "3.11.7"},
    )  # fmt: skip
    nb.cells[1].metadata.update(execution={"started": "now"}, tags=["exercise"], scrolled=True)
    return nb


def test_widget_views_and_widget_state_are_not_stored():
    nb = clean(dirty())
    assert [output.get("data", {}).keys() for output in nb.cells[1].outputs] == [
        {"image/png", "text/plain"}, set(),
    ]  # fmt: skip
    assert "widgets" not in nb.metadata


def test_nothing_of_the_machine_is_stored():
    nb = clean(dirty())
    assert nb.metadata.language_info == {"name": "python"}
    assert nb.metadata.kernelspec.name == "python3"
    assert set(nb.metadata) == {"kernelspec", "language_info"}
    assert nb.cells[1].metadata == {"tags": ["exercise"]}


def test_ids_and_other_outputs_are_kept_and_the_original_is_untouched():
    nb = dirty()
    before = copy.deepcopy(nb)
    cleaned = clean(nb)
    assert [cell.id for cell in cleaned.cells] == ["title", "a-cell"]
    assert cleaned.cells[1].outputs[-1].text == "kept\n"
    assert nb == before


def test_cleaning_twice_changes_nothing_more():
    assert clean(clean(dirty())) == clean(dirty())
