import html
import json

from tests.report.pages import cells, edit, read, read_section, section
from tests.report.run_folder import write_run


def test_the_page_says_what_the_verdict_says(digits):
    folder, text = digits
    verdict = json.loads(read(folder / "verdict.json"))
    plain = html.unescape(text)
    said = [verdict["headline"], *verdict["sentences"], *verdict["caveats"]]
    for sentence in [*said, *verdict["exploratory"], "below 0.04"]:
        assert sentence in plain
    top = html.unescape(section(text, "verdict"))
    assert verdict["recommended"]["arm"] in top
    assert verdict["recommended"]["savedmodel"] in top
    assert ["gan", "4", "8.2 s", "33 s"] in cells(top)
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
