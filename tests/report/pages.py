"""Reads the pages and run folders of the report's tests."""

import html
import json
import re

import pytest

from tfzero.report import page, write_report
from tfzero.report.sections import SECTIONS


def read(path):
    return path.read_text(encoding="utf-8")


def write_sections(folder, *names):
    """Returns a page of these sections alone: the charts of the others take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "SECTIONS", [one for one in SECTIONS if one.id in names])
        return read(write_report(folder))


def read_section(folder, name):
    """Returns a section of the page of a run folder."""
    return section(write_sections(folder, name), name)


def section(text, name):
    return re.search(rf'<section id="{name}".*?</section>', text, re.DOTALL)[0]


def cells(text):
    """Returns the text of each row of the first table of some HTML."""
    body = re.search(r"<tbody>.*?</tbody>", text, re.DOTALL)[0]
    return [
        [
            " ".join(html.unescape(re.sub(r"<[^>]+>", " ", cell)).split())
            for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        ]
        for row in re.findall(r"<tr.*?</tr>", body, re.DOTALL)
    ]


def all_cells(text):
    """Returns the text of each row of every table of some HTML."""
    return [
        row for table in re.findall(r"<table.*?</table>", text, re.DOTALL) for row in cells(table)
    ]


def edit(folder, name, change):
    content = json.loads(read(folder / name))
    change(content)
    (folder / name).write_text(json.dumps(content))
