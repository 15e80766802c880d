"""The page in a real browser, which is Debian's: nothing is downloaded."""

import re
import shutil

import pytest

from tests.report.pages import write_sections
from tests.report.run_folder import DIGIT_ARMS, write_run
from tfzero.report import write_report
from tfzero.report.glossary import WORDS
from tfzero.study.plain_names import plain_name

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium to show the page")

TWELVE = [*DIGIT_ARMS, *(f"{init}/label_spreading" for init in "abcdefg")]
NAMES = ["<script>alert(1)</script>", *"123456789"]
# The contrast of every text with what is behind it, after WCAG 2.2, success criterion 1.4.3.
CONTRASTS = """() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const parse = (color) => {
    pen.clearRect(0, 0, 1, 1); pen.fillStyle = color; pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const light = (color) => color.slice(0, 3)
    .map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = parse(getComputedStyle(one).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !element.getClientRects().length || element.closest("script")) continue;
    if (element.closest("[data-values]")) continue; // the numbers in a matrix are on its cells
    const style = getComputedStyle(element);
    const own = parse(element.closest("svg") ? style.fill : style.color);
    const [high, low] = [light(own), light(behind(element))].sort((a, b) => b - a);
    found.push([(high + 0.05) / (low + 0.05), text]);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "digits"
    return write_report(write_run(folder, class_names=NAMES, seeds=3))


@pytest.fixture
def show(browser):
    """Opens a page; afterwards nothing may have been complained of or asked for."""
    wrong, contexts = [], []

    def open_page(path, *, width=1400, scheme="light"):
        size = {"width": width, "height": 900}
        contexts.append(browser.new_context(viewport=size, color_scheme=scheme))
        page = contexts[-1].new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(("data:", path.as_uri()))
                else wrong.append(request.url)
            ),
        )
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def hover(page, element):
    element.scroll_into_view_if_needed()
    box = element.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_pointing_at_a_point_shows_its_cells(show, report):
    page = show(report)
    assert page.locator("#tip").is_hidden()
    hover(page, page.locator("#verdict .wide [data-key]").first)
    said = page.locator("#tip").inner_text()
    assert "20 labels" in said and "its 3 cells, by seed:" in said
    page.mouse.move(2, 2)
    assert page.locator("#tip").is_hidden()


def test_an_arm_can_be_switched_off_and_on(show, report):
    page = show(report)
    line = page.locator('#verdict .wide [data-arm="1"]').first
    assert line.is_visible()
    page.get_by_role("checkbox", name="vae/lpft").uncheck()
    assert line.is_hidden() and page.locator('#table tr[data-arm="1"]').is_visible()
    assert page.locator('#verdict .wide [data-arm="0"]').first.is_visible()
    page.get_by_role("button", name="None").click()
    assert page.locator("#verdict .wide [data-key]:visible").count() == 0
    page.get_by_role("button", name="All").click()
    assert line.is_visible() and page.get_by_role("checkbox", name="vae/lpft").is_checked()


def test_the_keyboard_reaches_every_point(show, report):
    page = show(report)
    chart = page.locator("#verdict .chart")
    chart.focus()
    said = []
    for _ in range(page.locator("#verdict .wide [data-key]").count()):
        page.keyboard.press("ArrowRight")
        said.append(page.locator("#tip").inner_text().split("\n")[0])
    assert len(set(said)) == 15  # five arms at three label counts
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()
    page.get_by_role("checkbox", name="gan/lpft").focus()
    page.keyboard.press("Space")
    assert page.locator('#verdict .wide [data-arm="0"]').first.is_hidden()


def test_the_map_shows_images_and_the_matrix_its_cells(show, report):
    page = show(report)
    page.locator("#encoders summary").first.click()
    hover(page, page.locator("#encoders details[open] [data-key]").first)
    tip = page.locator("#tip")
    assert "test image" in tip.inner_text() and tip.locator("canvas").is_visible()
    drawn = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v > 99)"
    assert tip.locator("canvas").evaluate(drawn)
    page.locator("#mistakes .chart[data-values]").focus()
    page.keyboard.press("ArrowRight")
    assert tip.inner_text().startswith("<script>alert(1)</script>, rightly named")
    hover(page, page.locator("#mistakes .chart[data-values] .wide image"))
    assert re.search(r"\d+ times \([\d.]+ % of its class\)", tip.inner_text())


def test_a_finger_that_taps_points(browser, report):
    context = browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True)
    page = context.new_page()
    page.goto(report.as_uri())
    page.locator("#verdict .narrow [data-key]").first.scroll_into_view_if_needed()
    box = page.locator("#verdict .narrow [data-key]").first.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(300)
    assert "20 labels" in page.locator("#tip").inner_text()
    image = page.locator("#mistakes .chart[data-values] .narrow image")
    image = image if image.count() else page.locator("#mistakes .chart[data-values] image")
    image.first.scroll_into_view_if_needed()
    box = image.first.bounding_box()
    page.touchscreen.tap(box["x"] + 3, box["y"] + 3)
    page.wait_for_timeout(300)
    assert "rightly named" in page.locator("#tip").inner_text()
    context.close()


def test_what_lies_beside_the_named_classes_is_not_said_to_be_right(show, tmp_path):
    names = [f"class{number:03}" for number in range(140)]
    folder = write_run(tmp_path / "run", class_names=names, num_test=280, label_counts=(280,))
    write_sections(folder, "mistakes")
    page = show(folder / "report.html")
    page.locator("#mistakes .chart[data-values]").focus()
    page.keyboard.press("ArrowRight")
    assert "rightly named" in page.locator("#tip").inner_text()
    for key in ("ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
    assert page.locator("#tip").inner_text().startswith("110 others, named as one of them")


def test_what_is_folded_is_printed(show, report):
    page = show(report)
    folded = "[...document.querySelectorAll('details')].filter((part) => !part.open).length"
    assert page.evaluate(folded) > 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(folded) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(show, report, scheme):
    page = show(report, scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    found = page.evaluate(CONTRASTS)
    assert len(found) > 300
    assert [text for contrast, text in found if contrast < 4.5] == []
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark is (scheme == "dark")


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """A page with more of everything than has room side by side."""
    folder = write_run(
        tmp_path_factory.mktemp("wide") / "run",
        arms=TWELVE,
        label_counts=[100, 200, 500, 1000, 2000, 5000, 10000, 20000],
        seeds=1,
        num_test=300,
        class_names=[f"a_class_with_quite_a_long_name_{i}" for i in range(100)],
    )
    return write_report(folder)


@pytest.mark.parametrize("width", [1400, 390])
def test_the_page_never_scrolls_sideways(show, wide, width):
    page = show(wide, width=width)
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    takes, has = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert takes == has == width
    scrolls = "[...document.querySelectorAll('.scroll')].filter(b => b.scrollWidth > b.clientWidth)"
    assert page.evaluate(f"{scrolls}.length") >= 1
    assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")


def test_without_its_script_and_in_print_the_page_says_the_same(browser, report):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator("#verdict .wide svg").is_visible()
    assert page.locator("#tip").is_hidden()
    line = page.locator('#verdict .wide [data-arm="1"]').first
    page.get_by_role("checkbox", name="vae/lpft").uncheck()
    assert line.is_hidden() and page.get_by_role("button", name="All").is_hidden()
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden() and page.locator("#table table").is_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_screen_holds_the_answer_the_chart_the_file_and_the_cost(show, report, scheme):
    page = show(report, scheme=scheme)
    for part in ("#headline", ".do", ".first .chart .wide svg", "#switches", ".first .card"):
        for one in page.locator(part).all():
            box = one.bounding_box()
            assert box is not None and box["y"] + box["height"] <= 900, part


def test_five_arms_are_drawn_at_first_and_the_others_are_a_click_away(show, wide):
    page = show(wide)
    names = page.locator("#switches input:checked").evaluate_all("all => all.map(b => b.value)")
    assert len(names) == 5 and names[:2] == ["0", "2"]  # the recommended arm, and scratch
    drawn = page.locator("#verdict .wide [data-key]:visible")
    assert drawn.count() == 5 * 8
    page.locator("#switches input:not(:checked)").first.check()
    assert drawn.count() == 6 * 8


def test_a_word_with_a_meaning_says_it_at_once_and_leads_to_the_glossary(show, report):
    page = show(report)
    word = page.locator("#table .term").first
    word.hover()
    assert page.locator("#tip").inner_text() == f"test images\n{WORDS['test image']}"
    word.click()
    assert page.url.endswith("#word-test-image")
    assert page.locator("#word-test-image").is_visible()
    arm = page.locator("#table .arm-name").first
    arm.hover()
    assert page.locator("#tip").inner_text().endswith(plain_name("gan/lpft"))


def test_on_a_phone_the_outcome_stands_beside_the_name_of_the_arm(show, report):
    page = show(report, width=390)
    row = page.locator("#comparisons tbody tr").first
    name, outcome = row.locator("th").bounding_box(), row.locator("td").first.bounding_box()
    assert row.locator("td").first.inner_text() == "better"
    assert abs(outcome["x"] - name["x"] - name["width"]) < 1
    assert outcome["x"] + outcome["width"] < 390
