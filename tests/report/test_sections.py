"""Every section is one folder and one line of the list; the page knows none by its name."""

import html
import json
import pathlib
import re

import pytest

from tests.report.pages import read, section
from tests.report.run_folder import write_run
from tfzero.report import page, write_report
from tfzero.report import sections as package
from tfzero.report.run import read_run
from tfzero.report.section import Section
from tfzero.report.sections import SECTIONS

TEMPLATE = """{% import "macros.html" as m %}
<h2 id="dummy-heading">A section of {{ name }}</h2>
{{ m.sentences(sentences) }}
<p>{{ table_names | join(" ") }}</p>
"""


def build(run, canvas):
    canvas.say(["what the dummy says of a point"])
    return {"name": run.study["name"], "sentences": [f"<b>{len(run.cells)}</b> cells"]}


def tables(run):
    return {"dummy": [{"arm": arm} for arm in run.arms], "nothing": []}


@pytest.fixture
def dummy(tmp_path):
    template = tmp_path / "dummy.html"
    template.write_text(TEMPLATE)
    return Section(id="dummy", title="A dummy", template=template, build=build, tables=tables)


def navigation(text):
    nav = re.search("<nav.*?</nav>", text, re.DOTALL)[0]
    return re.findall(r'<a href="#([^"]+)">([^<]+)</a>', nav)


def test_a_section_of_the_list_is_in_page_navigation_and_tables(tmp_path, monkeypatch, dummy):
    folder = write_run(tmp_path / "run", seeds=1, encoders=False)
    monkeypatch.setattr(page, "SECTIONS", [*SECTIONS, dummy])
    text = read(write_report(folder))
    assert navigation(text)[-1] == ("dummy", "A dummy")
    shown = section(text, "dummy")
    assert 'aria-labelledby="dummy-heading"' in shown and "A section of digits" in shown
    assert "<b>" not in shown and "<b>15</b> cells" in html.unescape(shown)
    assert text.index('<section id="method"') < text.index('<section id="dummy"')
    data = json.loads(re.search(r'id="report-data">(.*?)</script>', text)[1])
    assert data["tips"][-1] == {"lines": ["what the dummy says of a point"]}
    rows = json.loads(read(folder / "tables" / "dummy.json"))
    assert [row["arm"] for row in rows] == json.loads(read(folder / "study.json"))["arms"]
    assert read(folder / "tables" / "dummy.csv").startswith("arm\n")
    assert not (folder / "tables" / "nothing.csv").exists()
    assert "<code>dummy</code>" in section(text, "method") and "dummy</p>" in shown
    assert "nothing" not in section(text, "method") + shown


def test_a_section_that_is_not_in_the_list_is_nowhere(tmp_path, monkeypatch):
    folder = write_run(tmp_path / "run", seeds=1, encoders=False)
    rest = [one for one in SECTIONS if one.id != "mistakes"]
    monkeypatch.setattr(page, "SECTIONS", rest)
    text = read(write_report(folder))
    assert "mistakes" not in [target for target, _ in navigation(text)]
    assert 'id="mistakes"' not in text
    assert not (folder / "tables" / "confusion.csv").exists()


def test_page_and_navigation_have_the_order_of_the_list(digits):
    text = digits[1]
    assert re.findall(r'<section id="([^"]+)"', text) == [one.id for one in SECTIONS]
    # The first opens the page, above the navigation.
    assert navigation(text) == [(one.id, one.title) for one in SECTIONS[1:]]
    assert text.index("</section>") < text.index("<nav") < text.index(f'id="{SECTIONS[1].id}"')
    assert 'href="#verdict">Skip to the verdict</a>' in text


def test_every_folder_is_a_section_of_the_list_and_has_its_template_and_tests():
    place = pathlib.Path(package.__file__).parent
    folders = {path.parent.name for path in place.glob("*/__init__.py")}
    assert folders == {one.id for one in SECTIONS} and len(folders) == len(SECTIONS)
    for one in SECTIONS:
        assert one.template.is_file() and one.template.parent == place / one.id
        assert (pathlib.Path(__file__).parent / "sections" / f"test_{one.id}.py").is_file()


def test_no_two_sections_write_the_same_table_and_the_guide_names_them_in_order(digits):
    run = read_run(digits[0])
    names = [name for one in SECTIONS for name in one.tables(run)]
    assert len(names) == len(set(names))
    text = read(pathlib.Path(__file__).parents[2] / "docs" / "guides" / "report.md")
    paragraph = text[text.index("`runs/NAME/tables/`") :].partition("\n\n")[0]
    listed = re.findall(r"`(\w+)`", paragraph)
    assert len(listed) == 11 and [name for name in names if name in listed] == listed
