"""A study that is stopped, killed or run by several at once ends with the same results."""

import os
import pathlib
import signal
import subprocess

import pytest

from tests.study.test_pool import wait_until
from tests.test_compare import ARGUMENTS, command, make_images

QUICK = ["--arms", "vae/lpft,scratch/finetune,scratch/probe", *ARGUMENTS]


def start(folder, *arguments, **settings):
    """Starts a study in a process group of its own, as a terminal does."""
    return subprocess.Popen(
        command("compare", "bars.npz", *arguments), cwd=folder, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **settings,
    )  # fmt: skip


def list_session(session):
    """Returns the living processes of a session, without those that nobody has buried."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rsplit(")", 1)[1].split()
            said = (path / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] not in "ZX":
            found.append((int(path.name), said))
    return found


def list_workers(process):
    """Returns the numbers of a study's worker processes."""
    return [number for number, said in list_session(process.pid) if b"popen_loky" in said]


def list_claims(folder):
    """Returns the jobs in hand."""
    names = [path.name for path in (folder / "runs/bars/claims").glob("*.json")]
    return [name for name in names if name.startswith(("vae", "scratch", "gan", "pixels"))]


@pytest.mark.parametrize(
    ("number", "send", "code"),
    [
        (signal.SIGINT, os.killpg, 130),  # a terminal sends it to all
        (signal.SIGTERM, os.kill, 143),
    ],
)
def test_asked_to_stop_it_stops_cleanly(tmp_path, number, send, code):
    make_images(tmp_path)
    process = start(tmp_path, *QUICK)
    assert wait_until(lambda: list_claims(tmp_path), 100)
    send(process.pid, number)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == code
    assert errors == "tfzero: stopped; the same command goes on from here.\n"
    assert wait_until(lambda: not list_session(process.pid))
    assert list((tmp_path / "runs/bars/claims").iterdir()) == []
