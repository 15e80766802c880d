"""What a finished study gives to Python and to notebooks."""

import builtins
import json
import shutil
import types

import numpy as np
import pytest
from PIL import Image

import tfzero
from tests.conftest import draw_bars
from tests.report.run_folder import DIGIT_ARMS, write_run
from tfzero.common.checks import InputError


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A study of figures that were made up."""
    folder = write_run(tmp_path_factory.mktemp("study") / "digits", seeds=2, encoders=False)
    plan = types.SimpleNamespace(name="digits", arms=DIGIT_ARMS, label_counts=[20, 50, 200])
    verdict = json.loads((folder / "verdict.json").read_text())
    return tfzero.Study(plan, str(folder), verdict)


def test_the_data_frame_is_tidy(digits):
    frame = digits.to_frame()
    assert len(frame) == 5 * 3 * 2
    assert not frame.duplicated(["arm", "num_labels", "replicate"]).any()
    assert list(frame["arm"].unique()) == list(DIGIT_ARMS)
    assert list(frame.columns[:6]) == "arm name init strategy num_labels replicate".split()
    means = 100 * frame.groupby(["arm", "num_labels"])["accuracy"].mean()
    for row in digits.table():
        assert means[row["arm"], row["num_labels"]] == pytest.approx(row["mean"])
    assert set(frame["seconds"]) == {1.2}
    assert frame["name"][0].startswith("Fine-tuning")


def test_without_pandas_a_sentence_says_how_to_install_it(digits, monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest, **settings):
        if name == "pandas":
            raise ImportError(name)
        return real(name, *rest, **settings)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(InputError, match="needs pandas.*pip install pandas.*study.table"):
        digits.to_frame()


def test_the_plot_is_the_chart_of_the_report(digits):
    (axes,) = digits.plot(width=5).axes
    lines = {line.get_label(): line for line in axes.lines if line.get_label() in DIGIT_ARMS}
    assert list(lines) == list(DIGIT_ARMS)
    assert lines["gan/lpft"].get_linewidth() > 2 * lines["vae/lpft"].get_linewidth()
    (axes,) = digits.plot(arms=["vae/lpft"]).axes
    assert [line.get_label() for line in axes.lines if line.get_label() in DIGIT_ARMS] == [
        "vae/lpft"
    ]
    with pytest.raises(InputError, match='Unknown arm of this study "vae/lpftt"'):
        digits.plot(arms=["vae/lpftt"])


def test_a_notebook_shows_the_answer_the_table_and_the_chart(digits):
    html = digits._repr_html_()
    assert "Yes. Fine-tuning a network pretrained by a GAN beats" in html
    assert "Do this:" in html and "gan/lpft</span> (use this)" in html
    assert len(repr(digits)) < 500 and digits.results["headline"] in repr(digits)
    assert html.count("<svg") == 1 and html.count("<tr") == 1 + 5
    row = digits.table()[0]
    assert f"{row['mean']:.1f} ± {row['half_width']:.1f}" in html
    again = digits._repr_html_()
    ids = [set(text.split('id="')[1:]) for text in (html, again)]
    assert ids[0] and not ids[0] & ids[1]  # both may stand in one notebook


def test_names_are_escaped_in_a_notebook(digits):
    plan = types.SimpleNamespace(**{**vars(digits.plan), "name": "<b>x"})
    assert "<b>" not in tfzero.Study(plan, digits.folder, digits.results)._repr_html_()


def test_a_study_without_an_export_says_why(digits):
    verdict = {**digits.results, "not_exported": "The disk was full."}
    verdict["recommended"] = {**verdict["recommended"], "savedmodel": None}
    study = tfzero.Study(digits.plan, digits.folder, verdict)
    for ask in (lambda: study.model, lambda: study.predict(["x.png"])):
        with pytest.raises(InputError, match="exported no model. The disk was full."):
            ask()


def test_the_exported_model_answers_in_python_as_on_a_server(
    tmp_path, one_core, untimed, unreported
):
    data = tfzero.from_arrays(*draw_bars(80, seed=0), name="bars")
    tfzero.compare(
        data,
        arms=["scratch/probe"],
        label_counts=[12],
        seeds=1,
        out=tmp_path / "run",
        export=tmp_path / "bars",
    )
    study = tfzero.Study.read(tmp_path / "run")
    assert study.table()[0]["arm"] == "scratch/probe"
    paths = []
    for number, image in enumerate(data.test_images[:4]):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(image[..., 0]).save(paths[-1])
    predictions = study.predict(paths)
    assert [prediction.path for prediction in predictions] == paths
    found = study.model.predict(data.test_images[:4].astype("float32") / 255, verbose=0)
    for row, prediction in zip(found, predictions, strict=True):
        expected = [prediction.scores[name] for name in data.class_names]
        np.testing.assert_allclose(row, expected, atol=1e-5)
    assert study.model is study.model
    shutil.rmtree(tmp_path / "run" / "final")
    with pytest.raises(InputError, match="does not exist"):
        _ = tfzero.Study.read(tmp_path / "run").model


def test_a_study_that_is_not_finished_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="holds no study"):
        tfzero.Study.read(tmp_path)
