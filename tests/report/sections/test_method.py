import base64
import html
import json
import re
import subprocess

import numpy as np

from tests.report.pages import edit, read_section, section, write_sections
from tests.report.run_folder import write_run


def test_every_setting_version_and_the_command_are_shown(digits):
    text = html.unescape(section(digits[1], "method"))
    for wanted in ("ab12cd34ef56", "latent_dim", "0.0002", "2.21.0", "batch_size", "processors"):
        assert wanted in text
    assert "3 duplicate" in section(digits[1], "data")
    assert "tfzero compare digits --seeds 4" in text


def test_every_command_of_a_growing_study_is_shown_or_that_python_ran_it(tmp_path):
    folder = write_run(tmp_path / "run", seeds=1)
    more = ["tfzero compare x", "tfzero compare x --more-seeds 5"]
    edit(folder, "study.json", lambda study: study.update(commands=more))
    assert "\n".join(more) in read_section(folder, "method")
    edit(folder, "study.json", lambda study: study.update(commands=[]))
    assert "It was run from Python" in read_section(folder, "method")


def test_the_exported_model_can_be_asked_as_the_page_says(tmp_path):
    folder = write_run(tmp_path / "run", seeds=1)
    text = html.unescape(read_section(folder, "method"))
    assert "tfzero verify savedmodels/digits/1" in text
    assert '-v "$PWD"/savedmodels/digits:/models/digits:ro -e MODEL_NAME=digits' in text
    assert "http://127.0.0.1:8501/v1/models/digits:predict" in text
    # What is sent is JSON, also of a picture that no argument could hold.
    picture = np.random.default_rng(0).bytes(200_000)
    (tmp_path / "one.png").write_bytes(picture)
    pipe = re.search(r"\(printf .*?\) \|", text)[0].rstrip(" |")
    sent = subprocess.run(["bash", "-c", pipe], cwd=tmp_path, capture_output=True, check=True)
    [instance] = json.loads(sent.stdout)["instances"]
    assert base64.b64decode(instance["b64"]) == picture
    named = {"savedmodel": "/srv/my models/1", "bytes": 1_600_000}
    edit(folder, "verdict.json", lambda verdict: verdict["recommended"].update(named))
    page = html.unescape(write_sections(folder, "verdict", "method"))
    assert "-v '/srv/my models:/models/my models:ro' -e MODEL_NAME='my models'" in page
    assert "v1/models/my%20models:predict" in page and "1.6 MB" in page
    inside = {"savedmodel": "my run/savedmodel/1"}
    edit(folder, "verdict.json", lambda verdict: verdict["recommended"].update(inside))
    page = html.unescape(write_sections(folder, "verdict", "method"))
    assert "/models/digits:ro' -e MODEL_NAME=digits" in page and "v1/models/digits:" in page
    edit(folder, "verdict.json", lambda verdict: verdict["recommended"].update(savedmodel=None))
    assert "No model was exported." in write_sections(folder, "verdict", "method")
