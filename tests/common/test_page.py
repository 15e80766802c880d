"""Templates of pages."""

from tfzero.common.page import render_page


def test_arguments_in_sentences_are_code_and_all_else_is_text(tmp_path):
    template = tmp_path / "page.html"
    template.write_text("{{ said | with_code }}")
    said = "`size` and `strict=True` <b> `<i>.png`"
    assert render_page(template, {"said": said}) == (
        "<code>size</code> and <code>strict=True</code> &lt;b&gt; `&lt;i&gt;.png`"
    )
