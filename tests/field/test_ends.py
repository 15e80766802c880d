"""What happens at the end of a command: paths, full disks, standard output, one bad file.

Studies here train no network unless they export one. Real disks fail in a mount of their own;
elsewhere each call of the system that writes is made to fail in turn.
"""

# ruff: noqa: F811  # fixtures are taken by the names that they are imported by

import ast
import builtins
import contextlib
import errno
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import tfzero
from tests.conftest import draw_bars
from tests.export.conftest import images, model, version  # noqa: F401  # fixtures
from tests.jobs.conftest import small_studies  # noqa: F401  # a fixture
from tests.jobs.test_compare import command, make_images, read_results, run_here
from tests.pretrain.cases import make_method
from tfzero.common.checks import StopError
from tfzero.common.files import atomic_file, sentence_for, write_by_path, write_json
from tfzero.common.outlet import Outlet
from tfzero.export.layout import plain_path
from tfzero.export.predict import predict_files
from tfzero.report.sections import SECTIONS

PACKAGE = pathlib.Path(tfzero.__file__).parent
STUDY = ["--arms", "pixels/svm,pixels/knn", "--label-counts", "12", "--seeds", "3"]
EXPORTING = ["--arms", "scratch/probe,pixels/knn", "--label-counts", "12", "--seeds", "1"]
slow = pytest.mark.slow
NUMBERS = [errno.ENOSPC, errno.EIO, errno.EROFS]


# --- paths

NAMES = [
    "[2024] birds",
    "a[1]",
    "a]b",
    "a*b?",
    "back\\slash",
    "100% {a,b} %s",
    "'one' \"two\"",
    "ümläut é",
    "-dash",
    ":smile: [bold]x",
    "x" * 200,
]


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_model_in_a_folder_of_any_name(name, version, images, tmp_path, monkeypatch):
    base = tmp_path / name
    shutil.copytree(version.parent, base)
    Image.fromarray(images[0, ..., 0]).save(tmp_path / "one.png")
    [found] = predict_files(base, [tmp_path / "one.png"])
    [same] = predict_files(version, [tmp_path / "one.png"])
    assert found.scores == same.scores


@pytest.mark.parametrize(
    "name",
    ["[2024] birds", *(pytest.param(name, marks=slow) for name in ("back\\slash", "ü % 'q'"))],
)
def test_export_to_and_verification_in_a_folder_of_any_name(name, model, tmp_path):
    from tfzero.export import export_savedmodel
    from tfzero.export.fresh_process import check_version

    exported = export_savedmodel(model, tmp_path / name / "a[1]")
    assert exported == tmp_path / name / "a[1]" / "1"
    with plain_path(exported) as plain:
        assert check_version(plain) == []
    assert sorted(path.name for path in exported.parent.iterdir()) == ["1"]


def test_the_end_of_a_study_in_a_folder_with_brackets(tmp_path, monkeypatch):
    place = tmp_path / "[2024] birds"
    place.mkdir()
    make_images(place)
    done = run_here("compare", "bars.npz", *EXPORTING, "--export", "a[1]", cwd=place, report=True)
    assert done.returncode == 0, done.stderr
    assert "tfzero predict 'a[1]/1' " in done.stdout and (place / "a[1]/1/saved_model.pb").is_file()
    assert json.loads((place / "runs/bars/verdict.json").read_text())["unfinished"] == []


def test_no_link_where_even_the_folder_for_temporary_files_has_brackets(tmp_path, monkeypatch):
    (tmp_path / "t[1]").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "t[1]"))
    with pytest.raises(ValueError, match="TMPDIR"), plain_path(tmp_path / "a[1]"):
        pass


# --- what fails after the verdict

STEPS = {
    "tfzero.jobs.ending.export_recommended": "Nothing is exported",
    "tfzero.jobs.ending.run_map": "The report has no map",
    "tfzero.report.write_report": "The report is not complete",
}


@pytest.fixture(scope="module")
def exported_study(tmp_path_factory):
    """A finished study with an export."""
    folder = tmp_path_factory.mktemp("ends")
    make_images(folder)
    done = run_here("compare", "bars.npz", *EXPORTING, "--export", "out", cwd=folder, report=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def process_study(tmp_path_factory):
    """The same, by a process of its own, which knows nothing of smaller networks."""
    folder = tmp_path_factory.mktemp("processes")
    make_images(folder)
    words = ["compare", "bars.npz", *EXPORTING, "--export", "out", "--workers", "1"]
    done = subprocess.run(command(*words), cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def copy_study(exported_study, folder, *, ended=True):
    """Copies a study; one that has not ended has all cells and nothing that comes after them."""
    shutil.copytree(exported_study, folder / "copy")
    if not ended:
        run = folder / "copy/runs/bars"
        shutil.rmtree(folder / "copy/out")
        for path in [run / "verdict.json", run / "report.html"]:
            path.unlink()
        for path in [*(run / "final").iterdir(), *(run / "readings").glob("map-*")]:
            path.unlink()
    return folder / "copy"


def end_again(folder, *, report=True):
    words = ["compare", "bars.npz", *EXPORTING, "--export", "out"]
    return run_here(*words, cwd=folder, report=report)


def read_end(folder):
    """Returns what must be equal however a study came to its end."""
    verdict = json.loads((folder / "runs/bars/verdict.json").read_text())
    files = sorted(p.relative_to(folder) for p in (folder / "out").rglob("*"))
    return read_results(folder / "runs/bars"), verdict, files


@pytest.mark.parametrize(
    "step", [pytest.param(step, marks=slow if "run_map" in step else ()) for step in STEPS]
)
def test_what_fails_after_the_verdict_costs_nothing_else(step, exported_study, tmp_path):
    folder = copy_study(exported_study, tmp_path, ended=False)

    def fail(*_, **__):
        raise RuntimeError("out of luck")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step, fail)
        done = end_again(folder)
    run = folder / "runs/bars"
    verdict = json.loads((run / "verdict.json").read_text())
    [sentence] = verdict["unfinished"]
    assert done.returncode == 1 and "Traceback" not in done.stderr + done.stdout
    assert sentence.startswith(STEPS[step]) and "out of luck. The same command tries" in sentence
    assert STEPS[step] in done.stdout and verdict["headline"][:30] in done.stdout
    assert "RuntimeError: out of luck" in (run / "workers.log").read_text()
    assert (run / "report.html").exists() == ("report" not in step)
    assert (folder / "out/1").exists() == ("export" not in step)
    again = end_again(folder)
    assert again.returncode == 0, again.stderr
    assert read_end(folder) == read_end(exported_study)


def test_a_section_that_fails_costs_no_other(exported_study, tmp_path, monkeypatch):
    folder = copy_study(exported_study, tmp_path) / "runs/bars"

    def fail(*_, **__):
        raise MemoryError("no room")

    monkeypatch.setattr("tfzero.report.canvas.inline_svg", fail)
    with pytest.raises(StopError, match="is written, but without its section .*MemoryError"):
        tfzero.write_report(folder)
    page = (folder / "report.html").read_text()
    assert "This section could not be made: MemoryError: no room" in page
    assert 'id="headline"' in page and "How it was done" in page


class Killed(BaseException):
    """Stands in for SIGKILL in this process."""


KILLS = {
    "verdict": "tfzero.jobs.ending.screen.show_verdict",
    "training": "tfzero.jobs.recommended.finish_final",
    "export": "tfzero.export.write._write_extras",
    "verify": "tfzero.export.fresh_process.check_graph",
    "publish": "tfzero.export.layout._sync",
    "report": "tfzero.report.page.write_text_file",
    "tables": "tfzero.report.page.write_tables",
    "last": "tfzero.jobs.ending.screen.show_export",
}


@pytest.mark.parametrize(
    "step",
    [step if step in ("verdict", "verify") else pytest.param(step, marks=slow) for step in KILLS],
)
def test_killed_at_its_end_a_study_ends_with_equal_results(step, exported_study, tmp_path):
    folder = copy_study(exported_study, tmp_path, ended=False)

    def kill(*_, **__):
        raise Killed

    report = step in ("report", "tables")  # it takes seconds
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KILLS[step], kill)
        with pytest.raises(Killed):
            end_again(folder, report=report)
    verdict = json.loads((folder / "runs/bars/verdict.json").read_text())
    assert verdict["headline"] and (verdict["unfinished"] or step == "last")
    done = end_again(folder, report=report)
    assert done.returncode == 0, done.stderr
    assert read_end(folder) == read_end(exported_study)


@pytest.mark.slow
@pytest.mark.parametrize("step", KILLS)
def test_a_process_killed_at_its_end_leaves_a_study_that_ends_equally(
    step, process_study, tmp_path
):
    folder = copy_study(process_study, tmp_path, ended=False)
    place, name = KILLS[step].rsplit(".", 1)
    code = (
        "import os, pkgutil, sys; sys.argv[0] = 'tfzero'\n"
        f"owner = pkgutil.resolve_name({place!r})\n"
        f"setattr(owner, {name!r}, lambda *_, **__: os.kill(os.getpid(), 9))\n"
        "from tfzero import cli; cli.main()"
    )
    words = ["compare", "bars.npz", *EXPORTING, "--export", "out", "--workers", "1"]
    killed = subprocess.run([sys.executable, "-c", code, *words], cwd=folder, capture_output=True)
    assert killed.returncode == -9, killed.stderr
    done = subprocess.run(command(*words), cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results, verdict, files = read_end(folder)
    expected = read_end(process_study)
    assert results == expected[0] and verdict["headline"] == expected[1]["headline"]
    # What the killed exporter staged is swept an hour later.
    assert [each for each in files if ".staging-" not in str(each)] == expected[2]


# --- standard output


def run_process(words, *, cwd, stdout, **environment):
    return subprocess.run(
        command(*words),
        cwd=cwd,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
    )


def test_ascii_output_and_full_output_end_no_study(exported_study, tmp_path):
    folder = copy_study(exported_study, tmp_path)
    words = ["report", "runs/bars"]
    with open("/dev/full", "w") as full:
        done = run_process(words, cwd=folder, stdout=full)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "the work is done, but writing to standard output failed: No space" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("stream", ["ascii", "full", "closed", "none", "both"])
def test_a_study_ends_whatever_takes_its_output(stream, process_study, tmp_path):
    folder = copy_study(process_study, tmp_path, ended=False)
    words = " ".join(
        command("compare", "bars.npz", *EXPORTING, "--export", "out", "--workers", "1")
    )
    tail = {
        "ascii": "> said",
        "full": "> /dev/full",
        "closed": "| head -1; exit ${PIPESTATUS[0]}",
        "none": ">&-",
        "both": "> /dev/full 2>&1",
    }[stream]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    if stream == "ascii":
        environment |= {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        ["bash", "-c", f"{words} {tail}"],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == {"full": 1, "both": 1, "closed": 141}.get(stream, 0), done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    assert read_end(folder) == read_end(process_study)
    if stream == "ascii":
        assert "in % +- half of" in " ".join((folder / "said").read_text("ascii").split())


def test_an_outlet_replaces_letters_and_outlives_its_stream():
    inner = io.BytesIO()
    outlet = Outlet(io.TextIOWrapper(inner, encoding="ascii", write_through=True))
    outlet.write("90 ± 1 … ü \udc80 \N{SNOWMAN}\n")
    assert inner.getvalue() == b"90 +- 1 ... \\xfc \\udc80 \\u2603\n"
    inner.close()
    console = Console(file=outlet, width=60)
    console.print("more")
    assert isinstance(outlet.failure, ValueError)


def test_json_of_other_letters_stays_json(tmp_path, monkeypatch):
    from tfzero.cli.parse import print_json

    inner = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(inner, "ascii", write_through=True))
    print_json({"é": "\udc80"})
    assert json.loads(inner.getvalue()) == {"é": "\udc80"}


# --- one bad file


def test_predict_answers_all_files_but_the_bad_one(version, images, tmp_path):
    for number, image in enumerate(images[:4]):
        Image.fromarray(image[..., 0]).save(tmp_path / f"{number}.png")
    whole = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "2.png").write_bytes(b"no image")
    (tmp_path / "empty").mkdir()
    asked = ["predict", version, tmp_path, tmp_path / "missing.png", tmp_path / "empty"]
    done = run_here(*asked, cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert [line.split(":")[0][-5:] for line in done.stdout.splitlines()] == ["0.png", "3.png"]
    for name in ("1.png", "2.png", "missing.png", "empty"):
        assert done.stderr.count(f"{tmp_path / name} ") == 1
    done = run_here(*asked, "--json", cwd=tmp_path)
    said = json.loads(done.stdout)
    assert [each["path"][-5:] for each in said["predictions"]] == ["0.png", "3.png"]
    assert len(said["skipped"]) == 4 and said["passed_over"] == []


# --- writes

# Calls that write, and where they may stand beside common/files.py: why each may.
WRITES = {
    "write_text",
    "write_bytes",
    "savez",
    "savez_compressed",
    "mkstemp",
    "mkdtemp",
    "link",
    "NamedTemporaryFile",
    "TemporaryDirectory",
    "TemporaryFile",
    "replace",
    "rename",
    "mkdir",
    "makedirs",
    "touch",
    "copy",
    "copyfile",
    "copytree",
    "TFRecordWriter",
    "savefig",
    "tofile",
    "symlink_to",
    "create_file_writer",
    "save",
}
OWNERS = {"replace": "os", "rename": "os", "link": "os", "copy": "shutil"}
STAGED = "in a private folder, inside the block of write_version that makes a sentence"
REASONS = {
    "cli/__init__.py _let_go": "opens the null device",
    "cli/quiet.py without_log_lines": "keeps log lines in a temporary file until the end",
    "data/memory.py open_scratch": "a file without a name, gone with the process",
    "export/canonical.py make_canonical": STAGED,
    "export/convert.py convert_savedmodel": "a private folder, inside a block of sentence_for",
    "export/convert.py _keep": "inside the block of convert_savedmodel",
    "export/convert.py _write_litert": "inside the block of convert_savedmodel",
    "export/layout.py open_staging": "inside the block of write_version",
    "export/layout.py plain_path": "a link in the folder for temporary files",
    "export/layout.py publish": "inside the block of write_version",
    "export/write.py _save_graph": STAGED,
    "export/write.py _write_extras": STAGED,
    "export/write.py _write_spec": STAGED,
    "export/write.py _write_warmup": STAGED,
    "jobs/example.py find_example": "into a file of atomic_file",
    "jobs/ending.py step": "a line in a log, which may be lost",
    "pretrain/board.py on_train_begin": "TensorBoard's own format, appended",
    "report/drawing/svg.py inline_svg": "in memory",
    "report/pictures.py encode": "in memory",
    "export/fresh_process.py _encode_clips": "in memory",
    "common/thumbnails.py encode_thumbnail": "in memory",
    "study/records.py create": "makes its own sentences",
    "study/work/fresh.py run_fresh": "a message between two processes",
    "study/work/fresh.py _work": "a message between two processes",
    "study/stored.py open_run": "into a file of atomic_file",
    "data/store.py save_arrays": "into a file of atomic_file",
    "data/source_task.py save_source_task": "into a file of atomic_file",
    "study/work/locks.py _create": "inside a block of sentence_for",
    "study/work/locks.py _take_over": "a draft gets its name; the draft is written by _write_draft",
    "study/work/locks.py _write_draft": "inside a block of sentence_for",
    "study/work/locks.py _only_one": "inside a block of sentence_for",
    "study/work/locks.py _file_system_time": "inside a block of sentence_for",
    "study/work/process.py write_errors_to": "the log of a worker",
    "study/work/slots.py _lock": "inside a block of sentence_for",
    "transfer/contract.py _forget_peak_memory": "a switch of the system, no file",
}


def list_writes():
    """Returns "file function" of each call that writes, in the order of the files."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        for function in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef):
                calls = [each for each in ast.walk(function) if isinstance(each, ast.Call)]
                found += [f"{name} {function.name}" for call in calls if writes(call)]
    return found


def writes(call):
    """Whether a call writes a file, by its name and the mode that it opens one in."""
    function = call.func
    name = getattr(function, "attr", getattr(function, "id", ""))
    owner = getattr(getattr(function, "value", None), "id", "")
    if name == "open":
        texts = [each.value for each in ast.walk(call) if isinstance(each, ast.Constant)]
        modes = [each for each in texts if isinstance(each, str) and len(each) <= 3]
        flags = [each.attr for each in ast.walk(call) if isinstance(each, ast.Attribute)]
        return any(set(mode) & set("wax+") for mode in modes) or bool(
            {"O_CREAT", "O_WRONLY"} & set(flags)
        )
    if name in OWNERS:
        return owner == OWNERS[name] or (name == "rename" and bool(owner))
    return name in WRITES


def test_every_place_that_writes_goes_through_one_helper_or_says_why_not():
    sites = {site for site in list_writes() if not site.startswith("common/files.py ")}
    assert sites == set(REASONS)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_write_that_fails_leaves_what_was_there(number, tmp_path, monkeypatch):
    path = tmp_path / "kept.json"
    write_json(path, {"a": 1})
    reason = os.strerror(number)

    def fail(*_, **__):
        raise OSError(number, reason)

    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, fail)
            with pytest.raises(StopError, match=f"Cannot write {path}: {reason}. "):
                write_json(path, {"a": 2})
            with pytest.raises(StopError, match=f"Cannot write {path}: {reason}. "):
                write_by_path(path, lambda place: pathlib.Path(place).write_text("half"))
    with pytest.raises(StopError, match=reason), atomic_file(path) as file:
        file.write(b"half")
        fail()
    # As HDF5 and TensorFlow say it: in words, and without a number.
    with pytest.raises(StopError, match=reason), sentence_for(path):
        raise RuntimeError(f"HDF error: {reason}")
    # As NumPy says it, of a disk that took a part of an array.
    full = os.strerror(errno.ENOSPC)
    with pytest.raises(StopError, match=full), sentence_for(path):
        raise OSError("5376 requested and 3968 written")
    with pytest.raises(KeyError), sentence_for(path):  # no error of the system
        raise KeyError("mine")
    assert json.loads(path.read_text())["a"] == 1 and len(list(tmp_path.iterdir())) == 1


class Disk:
    """Counts the calls that write below a folder, and has one of them fail.

    Args:
        folder: Below it calls are counted.
        number: What the failing one says.
        at: Which fails; None lets all pass.
    """

    def __init__(self, folder, number=errno.ENOSPC, at=None):
        self.folder, self.number, self.at, self.calls = str(folder), number, at, 0

    def _count(self, place):
        self.calls += 1
        if self.calls - 1 == self.at:
            raise OSError(self.number, os.strerror(self.number), place)

    def _is_below(self, place):
        if isinstance(place, int):
            try:
                place = os.readlink(f"/proc/self/fd/{place}")
            except OSError:
                return False
        return os.path.abspath(os.fsdecode(place)).startswith(self.folder)

    @contextlib.contextmanager
    def use(self):
        """Watches the calls of this process until the block ends."""
        with pytest.MonkeyPatch.context() as patch:
            for name in ("mkdir", "replace", "rename", "link", "fsync"):
                patch.setattr(os, name, self._wrap(getattr(os, name)))
            for owner in (builtins, io):
                patch.setattr(owner, "open", self._wrap(owner.open, self._opens_to_write))
            patch.setattr(os, "open", self._wrap(os.open, self._creates))
            yield self

    def _wrap(self, call, counts=lambda *_, **__: True):
        def wrapped(place, *rest, **named):
            if counts(*rest, **named) and self._is_below(place):
                self._count(place)
            return call(place, *rest, **named)

        return wrapped

    @staticmethod
    def _opens_to_write(mode="r", *_, **__):
        return bool(set(mode) & set("wax+"))

    @staticmethod
    def _creates(flags=0, *_, **__):
        return bool(flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR))


def count_calls(run, folder):
    """Returns how many calls write in a command that succeeds."""
    with Disk(folder).use() as disk:
        done = run()
    assert done.returncode == 0, done.stderr
    return disk.calls


def try_failing(words, make, folder, *, numbers, every):
    """Has calls that write fail, one in each run of a command; returns how many were tried.

    Args:
        words: The command.
        make: Fills an empty folder, and returns what must still be there.
        folder: Is used for all runs.
        numbers: What the system says.
        every: Tries each n-th call; another one with each number.
    """
    counted = folder / "counted"
    counted.mkdir()
    make(counted)
    most, tried = count_calls(lambda: run_here(*words, cwd=counted, report=True), counted), 0
    assert most > 0
    for turn, number in enumerate(numbers):
        for at in range(turn % every, most, every):
            place = folder / f"{number}-{at}"
            place.mkdir()
            kept = make(place)
            before = {path: path.read_bytes() for path in kept}
            with Disk(place, number, at).use():
                done = run_here(*words, cwd=place, report=True)
            said = " ".join((done.stdout + done.stderr).split())
            assert done.returncode in (0, 1, 2) and "Traceback" not in said, (at, number, said)
            if done.returncode:
                assert os.strerror(number) in said or "is full" in said, (at, number, said)
            assert all(path.read_bytes() == content for path, content in before.items())
            if done.returncode:  # the same command goes on, as it was told
                again = run_here(*words, cwd=place, report=True)
                assert again.returncode == 0, (at, number, again.stderr)
            tried += 1
            shutil.rmtree(place)
    return tried


def keep_bars(folder):
    path = make_images(folder)
    return [path]


@pytest.mark.parametrize(
    "words",
    [
        ("check", "bars.npz", "--page", "page.html"),
        pytest.param(("compare", "bars.npz", *STUDY), marks=pytest.mark.slow),
        pytest.param(
            ("compare", "bars.npz", *EXPORTING, "--export", "out"), marks=pytest.mark.slow
        ),
    ],
    ids=["check", "compare", "compare-export"],
)
def test_a_disk_that_fails_at_any_call_ends_in_a_sentence(words, tmp_path):
    # A study takes seconds, and one that exports even more.
    every = 1 if words[0] == "check" else 27 if "--export" in words else 9
    assert try_failing(words, keep_bars, tmp_path, numbers=NUMBERS, every=every) >= 10


def test_a_disk_that_fails_under_a_report(exported_study, tmp_path, monkeypatch):
    # One section: the others only draw for longer.
    monkeypatch.setattr("tfzero.report.page.SECTIONS", SECTIONS[:1])

    def make(folder):
        shutil.copytree(exported_study, folder, dirs_exist_ok=True)
        return [folder / "runs/bars/verdict.json", folder / "bars.npz"]

    tried = try_failing(("report", "runs/bars"), make, tmp_path, numbers=NUMBERS, every=1)
    assert tried > 5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pretrain", "finetune", "supervised"])
def test_a_disk_that_fails_under_single_stages(name, tmp_path, small_encoders):
    words = {
        "pretrain": "pretrain bars.npz --method vae --epochs 1 --out vae.keras --keep 2",
        "finetune": "finetune bars.npz --label-count 12 --out my.keras",
        "supervised": "pretrain bars.npz --method supervised --epochs 1 --out s.keras",
    }[name].split()
    assert try_failing(words, keep_bars, tmp_path, numbers=NUMBERS, every=1) >= 10


def test_pictures_of_a_disk_that_fails_are_not_in_the_way_of_the_next_try(tmp_path):
    make_method("vae").save(tmp_path / "vae.keras")
    words = ("sample", "vae.keras", "--out", "pictures", "--count", "4")
    calls = count_calls(lambda: run_here(*words, cwd=tmp_path), tmp_path)
    drawn = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    shutil.rmtree(tmp_path / "pictures")
    # The last call waits for the folder, and nothing is lost where that fails.
    with Disk(tmp_path, errno.ENOSPC, calls - 2).use():
        done = run_here(*words, cwd=tmp_path)
    assert done.returncode == 1 and os.strerror(errno.ENOSPC) in done.stderr
    assert "Wrote" in done.stdout and not list((tmp_path / "pictures").iterdir())
    assert run_here(*words, cwd=tmp_path).returncode == 0
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == drawn


@pytest.mark.slow
def test_a_disk_that_fails_under_a_conversion(version, tmp_path):
    def make(folder):
        shutil.copytree(version, folder / "model" / "1")
        return [folder / "model/1/saved_model.pb"]

    words = ("convert", "model", "--to", "litert", "--out", "file")
    assert try_failing(words, make, tmp_path, numbers=NUMBERS, every=1) >= 2


def test_a_disk_that_is_full_for_another_converter(version, tmp_path, monkeypatch):
    from tfzero.export import convert

    said = "OSError: [Errno 28] No space left on device: 'model.onnx'"
    finished = subprocess.CompletedProcess([], 1, "", said)
    monkeypatch.setattr(convert.subprocess, "run", lambda *_, **__: finished)
    monkeypatch.setattr(convert, "_require_packages", lambda *_: None)
    with pytest.raises(StopError, match="Cannot write .*file.onnx: No space left on device. Free"):
        convert.convert_savedmodel(version, "onnx", out=tmp_path / "file.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, *(pytest.param(number, marks=slow) for number in NUMBERS[1:])]
)
def test_an_export_that_fails_leaves_the_versions_before_it(number, model, version, tmp_path):
    from tests.export.conftest import build_model
    from tfzero.export import export_savedmodel

    base = tmp_path / "out"
    shutil.copytree(version, base / "1")
    other = build_model(seed=5)
    with Disk(base, number).use() as disk:
        export_savedmodel(other, tmp_path / "out")
    shutil.rmtree(base / "2")
    # Each with one of the numbers. The first is for the folder, which is there.
    for at in range(1 + NUMBERS.index(number), disk.calls, 3):
        with Disk(base, number, at).use(), pytest.raises((StopError, ValueError)) as caught:
            export_savedmodel(other, base)
        assert os.strerror(number) in str(caught.value)
        assert [path.name for path in base.iterdir()] == ["1"]


# --- narrow screens and shares near 100


def test_a_table_that_does_not_fit_loses_no_digit(monkeypatch, tmp_path):
    images, labels = draw_bars(80, seed=0)
    said = io.StringIO()
    tfzero.compare(
        tfzero.from_arrays(images, labels, name="bars"),
        arms=["pixels/svm"],
        label_counts=[8, 12],
        seeds=2,
        workers=1,
        out=tmp_path / "run",
        console=Console(file=said, width=30),
    )
    text = said.getvalue()
    assert "…" not in text and "..." not in text
    study = json.loads((tmp_path / "run/verdict.json").read_text())
    for row in study["table"]:
        assert f"  {row['num_labels']} labels: {row['mean']:.1f} ± " in text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.997, "99.7 %"),
        (0.4, "40 %"),
        (1, "100 %"),
        (0, "0 %"),
        (0.0002, "0.02 %"),
        (0.99996, "99.996 %"),
        (1 - 1e-12, "more than 99.99999 %"),
    ],
)
def test_a_share_near_100_percent_is_not_called_so(share, text):
    from tfzero.data.check.findings import percent

    assert percent(share) == text


def test_the_commonest_class_of_997_in_1000(tmp_path):
    labels = np.array([0] * 2991 + [1] * 9)
    images = np.random.default_rng(0).integers(0, 256, (3000, 8, 8, 1), np.uint8)
    np.savez(
        tmp_path / "x.npz",
        x_train=images,
        y_train=labels,
        x_test=images[:9] ^ 1,
        y_test=labels[-9:],
    )
    said = " ".join(run_here("check", "x.npz", cwd=tmp_path).stdout.split())
    assert "A classifier that always answers the largest class scores 99.7 % on such images" in said
