import html
import json

import tfzero
from tests.report.pages import cells, edit, read, read_section, section
from tests.report.run_folder import write_run
from tfzero.report.run import read_run
from tfzero.report.sections import verdict as section_of_verdict
from tfzero.study.verdict.answer import answer_plainly, shorten


def test_the_page_says_what_the_verdict_says(digits):
    folder, text = digits
    verdict = json.loads(read(folder / "verdict.json"))
    plain = html.unescape(text)
    said = [verdict["headline"], *verdict["sentences"], *verdict["caveats"]]
    for sentence in [*said, *verdict["exploratory"], "below 0.04"]:
        assert sentence in plain
    top = html.unescape(section(text, "verdict"))
    assert "Do this:</strong> Use fine-tuning a network pretrained by a GAN" in top
    assert verdict["recommended"]["savedmodel"] in top
    assert ["gan", "4", "8.2 s", "33 s"] in cells(top)
    assert f'name="generator" content="tfzero {tfzero.__version__}"' in text
    assert len(text) < 2_000_000


def test_jobs_that_failed_are_named_with_the_reason(tmp_path):
    folder = write_run(tmp_path / "run", seeds=1, missing={("vae/lpft", 20)}, encoders=False)
    failure = {"label": "vae/lpft, 20 labels, seed 0", "reason": "ValueError: <b>no</b>"}
    edit(folder, "verdict.json", lambda verdict: verdict.update(failures=[failure]))
    text = html.unescape(read_section(folder, "verdict"))
    assert "1 job without a result, and why" in text
    assert "vae/lpft, 20 labels, seed 0: ValueError: <b>no</b>" in text


def test_the_exported_file_is_described_as_itself_or_its_lack_explained(tmp_path):
    folder = write_run(tmp_path / "run", seeds=1, encoders=False)
    said = ["Exported vae/lpft: 97.1 % right <this file>.", "Its probabilities are calibrated."]
    edit(folder, "verdict.json", lambda verdict: verdict["recommended"].update(sentences=said))
    text = html.unescape(read_section(folder, "verdict"))
    assert all(f"<p>{sentence}</p>" in text for sentence in said)
    reason = "Nothing is exported, as this study gives no verdict."

    def forget(verdict):
        verdict["recommended"].update(savedmodel=None, sentences=None)
        verdict["not_exported"] = reason

    edit(folder, "verdict.json", forget)
    assert reason in html.unescape(read_section(folder, "verdict"))
    edit(folder, "verdict.json", lambda verdict: verdict.update(recommended=None))
    assert reason in html.unescape(read_section(folder, "verdict"))


def test_the_first_screen_answers_and_describes_the_file_and_its_cost(tmp_path):
    folder = write_run(tmp_path / "run", encoders=False)
    file = {"network": "gan/lpft", "num_labels": 900, "num_labelled": 1297, "num_test": 500}
    file |= {"num_folds": 1, "accuracy": 97.13}
    edit(folder, "verdict.json", lambda v: v["recommended"].update(file=file, bytes=432_000))
    run = read_run(folder)
    short, rest = shorten(answer_plainly(run.verdict, run.label_counts))
    assert short.startswith("Yes. Fine-tuning a network pretrained by a GAN beats")
    assert rest == []
    found = section_of_verdict.describe_export(run)
    assert found["labels"] == "900 of 1,297" and found["size"] == "432 kB"
    assert found["accuracy"] == "97.1 % (500 test images)"
    assert section_of_verdict.recommended_cost(run) == {
        "pretraining": "8.1 s",
        "transfer": "1.2 s",
        "all": "none",
    }
    file |= {"num_folds": 5, "num_labels": 1297}
    edit(folder, "verdict.json", lambda v: v["recommended"].update(file=file))
    found = section_of_verdict.describe_export(read_run(folder))
    assert found["labels"] == "all 1,297"
    assert found["accuracy"] == "97.1 % (estimated by cross-fitting on 500 images)"


def test_the_shortest_answer_is_two_sentences_and_the_rest_follows(tmp_path):
    folder = write_run(tmp_path / "run", encoders=False)

    def doubt(verdict):
        for entry in verdict["comparisons"]:
            entry["outcome"] = "cannot tell"

    edit(folder, "verdict.json", doubt)
    run = read_run(folder)
    short, rest = shorten(answer_plainly(run.verdict, run.label_counts))
    assert short == (
        "Not shown. No pretrained network is detectably better than training from scratch on "
        "average from 20 to 200 labels."
    )
    assert len(rest) == 1 and rest[0].startswith("The highest, fine-tuning")
