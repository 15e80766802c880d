import pytest

from tests.report.drawn import draw
from tests.report.pages import edit, read_section
from tests.report.run_folder import write_run
from tfzero.report import figures


def test_the_source_of_encoders_and_its_notes_are_shown_beside_the_data(tmp_path):
    folder = write_run(tmp_path / "run")
    source = {"name": "colour", "source": "my <colour>/", "fingerprint": "00"}
    source |= {"num_images": 1200, "num_labelled": 1100, "class_names": ["a", "b"]}
    source["notes"] = ["Left out 3 of its images."]
    given = {"init": "public", "name": "MobileNet at 96", "fingerprint": "00", "notes": ["Inside."]}
    edit(folder, "study.json", lambda study: study.update(source=source, given=given))
    text = read_section(folder, "data")
    heading = "The source colour (my &lt;colour&gt;/): 1,200 images, 1,100 with labels of 2 classes"
    for part in (heading, "Left out 3 of its images.", "The encoder MobileNet at 96", "Inside."):
        assert part in text
    for name in ("source", "given"):
        edit(folder, "study.json", lambda study, name=name: study.update({name: None}))
    assert "The source" not in read_section(folder, "data")


def test_what_was_not_read_is_shown_by_reason_and_suffix(tmp_path):
    folder = write_run(tmp_path / "run")
    kind = {"reason": "hidden", "suffix": "", "count": 1200, "example": ".a<b>"}
    edit(folder, "readings/data.json", lambda said: said.update(passed_over=[kind]))
    text = read_section(folder, "data")
    for part in ("What was not read", "hidden", "none", "1,200", ".a&lt;b&gt;"):
        assert part in text
    assert "1200" in (folder / "tables" / "passed_over.csv").read_text("utf-8")
    edit(folder, "readings/data.json", lambda said: said.update(passed_over=[]))
    assert "What was not read" not in read_section(folder, "data")


@pytest.mark.parametrize("num_classes", [3, 40])
def test_class_counts_of_few_and_many_classes(num_classes):
    names = [f"class {k}" for k in range(num_classes)]
    counts = {"train": list(range(1, num_classes + 1)), "test": [2] * num_classes}
    (axes,) = draw(figures.class_counts(counts, names)).axes
    if num_classes == 3:
        assert [label.get_text() for label in axes.get_yticklabels()] == names
        assert [patch.get_width() for patch in axes.patches] == [1, 2, 3, 2, 2, 2]
    else:
        assert list(axes.lines[0].get_ydata()) == counts["train"][::-1]
