"""A run's page and files: whole, self-contained, and safe to open."""

import errno
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from loadtest.history import Sample
from loadtest.report.html import render
from loadtest.report.tables import number, tables_of
from loadtest.report.writing import write_run
from loadtest.results.folder import FolderUnusable, RunFolder
from loadtest.results.manifest import Manifest
from loadtest.results.source import Source
from loadtest.schedule import Schedule
from loadtest.verdict.priority import judge_priority
from loadtest.verdict.verdict import Conclusion, Gate, Interval, Verdict
from tests.unit.loadtest.made_up_run import made_up_run, made_up_schedule

HOSTILE = "<script>alert(1)</script>\"'&"
#: Without an end tag.
VOID = {"meta", "link", "br", "img", "input", "hr"}

SCHEDULE = made_up_schedule(1, 1, 4.0)
EVENTS = made_up_run(SCHEDULE)


class Page(HTMLParser):
    """Elements with their attributes, the text, and whether all that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def made_up_manifest(schedule: Schedule = SCHEDULE, word: str = "soak") -> Manifest:
    return Manifest.begin(
        experiment=word,
        seed=schedule.seed,
        command=["python", "-m", "loadtest", "run", word],
        configuration={"url": "http://127.0.0.1:8000", word: word},
        schedule_sha256=schedule.sha256,
        source=Source("abc", dirty=True, constraints_sha256=None),
    )


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path, experiment="priority-under-flood", commit="abc")


def test_a_whole_run_leaves_all_its_files(folder: RunFolder) -> None:
    verdict = judge_priority(SCHEDULE, EVENTS, resamples=100)
    manifest = made_up_manifest(word="priority-under-flood")
    write_run(folder, manifest, SCHEDULE, EVENTS, verdict)
    assert json.loads(folder.verdict.read_text())["conclusion"] == verdict.conclusion.name
    assert Manifest.read(folder.manifest) == manifest
    assert Schedule.read(folder.schedule).sha256 == SCHEDULE.sha256
    digest, name = folder.schedule_sha256.read_text().split()
    assert digest == hashlib.sha256((folder.path / name).read_bytes()).hexdigest()
    assert {file.name for file in folder.plots.iterdir()} == {
        "waits.png",
        "ratios.png",
        "percentiles.png",
    }
    assert folder.histograms
    page = Page(folder.report.read_text())
    for gate in verdict.gates:
        assert gate.detail in page.text
    for text in (verdict.conclusion.name, verdict.reasons[0], str(folder.path), SCHEDULE.sha256):
        assert text in page.text
    assert page.text.index(verdict.reasons[0]) < page.text.index("Gates") < page.text.index("Manif")


def test_a_run_that_was_cut_off_has_a_page_too(folder: RunFolder) -> None:
    samples = [event for event in EVENTS if isinstance(event, Sample)][:100]
    write_run(folder, made_up_manifest(), SCHEDULE, samples, None, why_incomplete="interrupted")
    page = Page(folder.report.read_text())
    assert "INCOMPLETE" in page.text
    assert "interrupted" in page.text
    assert "Times, milliseconds" in page.text
    assert not folder.verdict.exists()


def test_a_run_that_measured_nothing_has_a_page_too(folder: RunFolder) -> None:
    write_run(folder, made_up_manifest(), SCHEDULE, [], None)
    assert "Nothing was measured" in Page(folder.report.read_text()).text


def test_a_page_loads_nothing(folder: RunFolder) -> None:
    write_run(folder, made_up_manifest(), SCHEDULE, EVENTS, None)
    text = folder.report.read_text()
    for tag, attributes in Page(text).elements:
        assert tag not in {"script", "link", "img", "iframe", "object", "embed"}
        for name, value in attributes.items():
            if name in {"src", "href", "xlink:href", "srcset", "data", "action"}:
                assert (value or "").startswith("#"), (tag, name, value)
            assert "javascript:" not in (value or "")
    assert "@import" not in text
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", text))


def test_what_others_wrote_stays_text() -> None:
    verdict = Verdict(
        Conclusion.FAIL,
        [HOSTILE, HOSTILE],
        [Gate(HOSTILE, holds=False, detail=HOSTILE)],
        {HOSTILE: Interval(1, 2, 3)},
        {f"{HOSTILE}/outcomes": {HOSTILE: 1.0}, f"{HOSTILE}/wait_ms": {"p95": 1.0}},
    )
    manifest = made_up_manifest(word=HOSTILE)
    manifest.images = {HOSTILE: HOSTILE}
    manifest.redis = {HOSTILE: {"info": {HOSTILE: HOSTILE}}}
    page = render(manifest, verdict, [], replay=HOSTILE, why_incomplete=HOSTILE)
    assert "<script" not in page
    parsed = Page(page)
    assert parsed.text.count(HOSTILE) > 8


@pytest.mark.parametrize("conclusion", list(Conclusion))
def test_the_conclusion_is_on_top(conclusion: Conclusion) -> None:
    verdict = Verdict(conclusion, ["for this reason"], [])
    page = Page(render(made_up_manifest(), verdict, [], replay="again"))
    classes = [attributes.get("class") for _, attributes in page.elements]
    assert f"verdict {conclusion.name.lower()}" in classes


def test_a_full_disk_is_one_line(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(FolderUnusable, match="No space left on device"), folder.completed():
        write_run(folder, made_up_manifest(), SCHEDULE, EVENTS, None)
    assert folder.why_incomplete is not None
    assert Manifest.read(folder.manifest).seed == SCHEDULE.seed


def test_figures_become_tables_of_one_kind_each() -> None:
    times = {"n": 3.0, "p50": 1.0, "p95": 2.0, "p99": 3.0, "max": 3.0}
    tables = tables_of(
        {
            "control/idle/order/wait_ms": times,
            "generator/lag_ms": times,
            "main/idle/order/wait_ms": times,
            "main/idle/order/outcomes": {"done": 3},
            "main/flood/order/outcomes": {"shed": 1},
        }
    )
    assert [table.title for table in tables] == ["Times, milliseconds", "Outcomes"]
    assert list(tables[0].groups) == ["main, idle, order", "control, idle, order", "generator"]
    assert tables[0].columns == ("n", "p50", "p95", "p99", "max")
    assert tables[1].columns == ("done", "shed")


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.0, "3"), (1.234, "1.23"), (12.34, "12.3"), (12345.6, "12,346"), (float("nan"), "–")],
)
def test_numbers_are_written_for_people(value: float, text: str) -> None:
    assert number(value) == text


def test_a_lost_time_is_no_reason_to_fail() -> None:
    manifest = replace(made_up_manifest(), started_utc="", load={}, machine={}, software={})
    assert "at an unknown time" in render(manifest, None, [], replay="again")
