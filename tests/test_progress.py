"""Progress: one small file that loses nothing and stops nothing."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from kdlib.exercises import progress as report
from kdlib.exercises import progress_file, record
from kdlib.exercises.engine import exercises_of, lesson_ids
from kdlib.exercises.progress import progress
from kdlib.exercises.quiz import quiz_of
from kdlib.exercises.record import progress_path, record_choice, record_exercise, recorded

LESSON = lesson_ids()[0]
NAMES = [exercise.name for exercise in exercises_of(LESSON)]


@pytest.fixture
def path(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "kept" / "progress.json"
    monkeypatch.setenv("KDLIB_PROGRESS", str(path))
    monkeypatch.setattr(record, "_unsaved", [])
    return path


def entries(path: Path, section: str = "exercises") -> dict:
    return json.loads(path.read_text())[section]


def lesson_row(lesson: str = LESSON) -> report.LessonProgress:
    return next(row for row in progress().lessons if row.lesson == lesson)


# What is kept


def test_attempts_are_counted_and_the_last_status_is_kept(path):
    for status in ("could not check", "not yet", "not yet"):
        record_exercise(LESSON, "kl", status)
    assert entries(path) == {f"{LESSON}/kl": {"status": "not yet", "attempts": 3}}


def test_correct_is_never_downgraded(path):
    for status in ("not yet", "correct", "not yet", "could not check"):
        record_exercise(LESSON, "kl", status)
    assert entries(path)[f"{LESSON}/kl"] == {"status": "correct", "attempts": 4}


def test_the_last_choice_of_each_question_is_kept(path):
    record_choice(LESSON, 1, "a", right=False)
    record_choice(LESSON, 1, "c", right=True)
    record_choice(LESSON, 2, "b", right=False)
    assert entries(path, "quizzes") == {
        f"{LESSON}/1": {"option": "c", "right": True, "attempts": 2},
        f"{LESSON}/2": {"option": "b", "right": False, "attempts": 1},
    }


def test_a_check_is_recorded_and_an_untouched_stub_is_not(path):
    first, second = exercises_of(LESSON)[:2]
    first.check(first.right)
    second.check(...)
    assert entries(path) == {f"{LESSON}/{first.name}": {"status": "correct", "attempts": 1}}


def test_the_file_names_its_schema(path):
    record_exercise(LESSON, "kl", "not yet")
    assert json.loads(path.read_text())["schema"] == progress_file.SCHEMA


def test_off_writes_nothing_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KDLIB_PROGRESS", "OFF")
    record_exercise(LESSON, NAMES[0], "correct")
    assert lesson_row().attempted == 0
    assert "Not kept in this run, because KDLIB_PROGRESS is set to off" in str(progress())
    assert list(tmp_path.iterdir()) == []


def test_without_a_setting_it_lies_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KDLIB_PROGRESS")
    record_exercise(LESSON, NAMES[0], "correct")
    assert (tmp_path / ".kdlib" / "progress.json").exists()
    assert "Kept in ~/.kdlib/progress.json, and nowhere else." in str(progress())


def test_a_deleted_file_begins_anew(path):
    record_exercise(LESSON, NAMES[0], "correct")
    path.unlink()
    assert lesson_row().attempted == 0
    record_exercise(LESSON, NAMES[1], "not yet")
    assert list(entries(path)) == [f"{LESSON}/{NAMES[1]}"]


# The report


def test_the_report_counts_and_names_what_is_open(path):
    record_exercise(LESSON, NAMES[0], "correct")
    record_exercise(LESSON, NAMES[1], "not yet")
    record_exercise(LESSON, "removed_since", "correct")
    record_choice(LESSON, 1, "a", right=True)
    row = lesson_row()
    assert (row.solved, row.attempted, row.total) == (1, 2, len(NAMES))
    assert row.open == tuple(exercise.number for exercise in exercises_of(LESSON)[1:])
    assert (row.questions_right, row.questions) == (1, len(quiz_of(LESSON).questions))


def test_the_report_reads_as_text_as_html_and_as_a_dictionary(path):
    record_exercise(LESSON, NAMES[0], "correct")
    text, page = str(progress()), progress()._repr_html_()
    for words in (
        f"1 of {len(NAMES)}",
        exercises_of(LESSON)[1].number,
        "Delete that file to begin anew.",
    ):
        assert words in text
        assert words in page
    assert repr(progress()) == text
    assert '<th scope="col">solved</th>' in page
    assert f'<th scope="row">{LESSON}</th>' in page
    assert [row["lesson"] for row in progress().to_dict()["lessons"]] == lesson_ids()


def test_the_columns_of_the_text_are_aligned(path):
    lines = str(progress()).splitlines()[: len(lesson_ids()) + 1]
    start = lines[0].index("open exercises")
    assert all(line[start - 2 : start] == "  " and line[start] != " " for line in lines)


def test_a_lesson_without_open_exercises_says_none(path):
    for name in NAMES:
        record_exercise(LESSON, name, "correct")
    assert lesson_row().cells()[-1] == "none"


# Damaged files


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"null",
        b"[1, 2]",
        b'{"schema": 1}',
        b'{"schema": "1", "exercises": {}, "quizzes": {}}',
        b'{"schema": 1, "exercises": [], "quizzes": {}}',
        b'{"schema": 1, "exercises": {"00/kl": 3}, "quizzes": {}}',
        b'{"schema": 1, "exercises": {"00/kl": {"status": "correct"}}, "quizzes": {}}',
        b'{"schema": 1, "exercises": {}, "quizzes": {"00/1": {"option": "a"}}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_kept_aside_and_a_new_one_begun(path, damage):
    path.parent.mkdir()
    path.write_bytes(damage)
    record_exercise(LESSON, NAMES[0], "correct")
    aside = path.with_name("progress.json.damaged-1")
    assert aside.read_bytes() == damage
    assert entries(path) == {f"{LESSON}/{NAMES[0]}": {"status": "correct", "attempts": 1}}
    assert f"A damaged file was kept as {aside}." in progress().notes


def test_each_damaged_file_is_kept_under_its_own_name(path):
    path.parent.mkdir()
    for number in (1, 2):
        path.write_bytes(b"damage %d" % number)
        record_exercise(LESSON, NAMES[0], "not yet")
    kept = [old.read_bytes() for old in progress_file.set_aside(path)]
    assert kept == [b"damage 1", b"damage 2"]


def test_a_file_of_a_newer_version_is_left_as_it_is(path):
    path.parent.mkdir()
    newer = '{"schema": 99, "exercises": "who knows"}'
    path.write_text(newer)
    record_exercise(LESSON, NAMES[0], "correct")
    assert path.read_text() == newer
    assert "could not be saved: progress.json was written by a newer version" in str(progress())
    assert lesson_row().solved == 1


# Files that cannot be written


def no_space(*args, **kwargs):
    raise OSError(28, "No space left on device")


def test_on_a_full_disk_checks_go_on_and_the_report_says_why(path, monkeypatch):
    record_exercise(LESSON, NAMES[0], "correct")
    before = path.read_text()
    monkeypatch.setattr(os, "fsync", no_space)
    first = exercises_of(LESSON)[1]
    assert first.check(first.right).status == "correct"
    assert "could not be saved: No space left on device" in str(progress())
    assert lesson_row().solved == 2
    assert path.read_text() == before
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "progress.json",
        "progress.json.lock",
    ]


def test_what_could_not_be_saved_is_saved_once_it_can_be(path, monkeypatch):
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", no_space)
        record_exercise(LESSON, NAMES[0], "not yet")
        record_choice(LESSON, 1, "a", right=True)
    record_exercise(LESSON, NAMES[0], "correct")
    assert entries(path)[f"{LESSON}/{NAMES[0]}"] == {"status": "correct", "attempts": 2}
    assert entries(path, "quizzes")[f"{LESSON}/1"]["attempts"] == 1
    assert record._unsaved == []


def test_a_folder_that_cannot_be_made_stops_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("KDLIB_PROGRESS", str(tmp_path / "file" / "progress.json"))
    monkeypatch.setattr(record, "_unsaved", [])
    record_exercise(LESSON, NAMES[0], "correct")
    assert "could not be saved" in str(progress())
    assert lesson_row().solved == 1


def test_a_read_only_folder_still_shows_what_was_kept(path, monkeypatch):
    record_exercise(LESSON, NAMES[0], "correct")

    def forbidden(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", forbidden)
    record_exercise(LESSON, NAMES[1], "correct")
    assert lesson_row().solved == 2
    assert "could not be saved: Permission denied" in str(progress())


def test_a_user_without_a_home_folder_is_no_obstacle(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(record, "_unsaved", [])
    monkeypatch.delenv("KDLIB_PROGRESS")
    monkeypatch.setattr(Path, "home", homeless)
    record_exercise(LESSON, NAMES[0], "correct")
    assert "could not be saved: Could not determine home directory" in str(progress())


def test_a_lock_held_by_another_program_is_waited_for_only_briefly(path, monkeypatch):
    monkeypatch.setattr(progress_file, "LOCK_SECONDS", 0.05)
    record_exercise(LESSON, NAMES[0], "not yet")
    with progress_file._locked(path):
        record_exercise(LESSON, NAMES[0], "correct")
        assert recorded()[1] == "progress.json is in use by another program"
        assert lesson_row().solved == 1
    assert recorded()[1] == ""
    assert entries(path)[f"{LESSON}/{NAMES[0]}"]["status"] == "correct"


def test_where_there_are_no_locks_it_is_written_without(path, monkeypatch):
    def unsupported(handle):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(progress_file, "_try_lock", unsupported)
    record_exercise(LESSON, NAMES[0], "correct")
    assert entries(path)[f"{LESSON}/{NAMES[0]}"]["status"] == "correct"


# Several kernels


def add_one(book: progress_file.Book) -> None:
    entry = book["exercises"].setdefault("00/shared", {"status": "not yet", "attempts": 0})
    entry["attempts"] += 1


def test_writers_at_the_same_time_lose_nothing(path, monkeypatch):
    monkeypatch.setattr(progress_file, "LOCK_SECONDS", 60.0)

    def write(number: int) -> None:
        for _ in range(10):
            progress_file.update(path, [add_one])

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert entries(path)["00/shared"]["attempts"] == 40


def test_without_the_lock_they_would_lose_some(path, monkeypatch):
    """The test above can fail: the same writers, slowed down and not locked, do lose entries."""
    monkeypatch.setattr(progress_file, "_try_lock", lambda handle: None)
    meeting = threading.Barrier(2)

    def slowly(book: progress_file.Book) -> None:
        meeting.wait(timeout=10)
        add_one(book)

    threads = [threading.Thread(target=progress_file.update, args=(path, [slowly])) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert entries(path)["00/shared"]["attempts"] == 1


def test_two_kernels_do_not_lose_each_others_entries(path):
    code = (
        "import sys\n"
        "from kdlib.exercises import progress_file, record\n"
        "progress_file.LOCK_SECONDS = 60.0\n"
        "for n in range(20): record.record_exercise('00', f'{sys.argv[1]}_{n}', 'correct')"
    )
    kernels = [subprocess.Popen([sys.executable, "-c", code, name]) for name in ("one", "two")]
    assert [kernel.wait(timeout=100) for kernel in kernels] == [0, 0]
    assert len(entries(path)) == 40


def test_a_reader_never_sees_half_a_file(path):
    record_exercise(LESSON, "kl", "not yet")
    stop = time.monotonic() + 10
    writer = threading.Thread(target=lambda: [record_exercise("00", "kl", "x") for _ in range(50)])
    writer.start()
    reads = 0
    while writer.is_alive() and time.monotonic() < stop:
        assert progress_file.read(path)["exercises"][f"{LESSON}/kl"]["attempts"] >= 1
        reads += 1
    writer.join()
    assert reads > 0


def test_the_path_is_the_one_in_the_setting(monkeypatch):
    monkeypatch.setenv("KDLIB_PROGRESS", "~/elsewhere.json")
    assert progress_path() == Path.home() / "elsewhere.json"
