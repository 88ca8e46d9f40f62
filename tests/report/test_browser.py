"""The pages in a real browser: nothing fails, filters filter, narrow windows and dark ones can be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select

from contract_tests.fault import Fault
from contract_tests.report import comparison
from contract_tests.report.conformance import Conformance, Outcome
from contract_tests.report.writer import write
from contract_tests.waiting import eventually
from tests.report.browser import chromium, look, missing
from tests.report.reports import DEVIATION, report, result

LONG = "AssertionError: " + "x" * 300 + "\n<script>document.title = 'owned'</script>\nE       assert 1 == 2"

SHOWN = "return [...document.querySelectorAll('tr.row')].filter(row => row.checkVisibility()).map(row => row.id)"

pytestmark = pytest.mark.timeout(120)


def mixed() -> Conformance:
    """A report with every outcome in it."""
    return report(
        result("KV-01", Outcome.FAILED, LONG, test=f"test_{'a' * 100}", faults={Fault.CUT: 3, Fault.LOST_REPLY: 1}),
        result("LOSS-07", Outcome.DEVIATION, "forgets", deviation=DEVIATION, faults={Fault.GONE: 2}),
        result("ERR-06", Outcome.NOT_RUN, "the harness can not inject: overloaded"),
        result("ERR-06", test="test_full"),
        result("ERR-07", Outcome.INVALID, "2 operations overlapped"),
        result("LIFE-05", Outcome.NOT_APPLICABLE, "the backend is not shared"),
        without=[f"MIR-0{number}" for number in range(1, 6)],
    )


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """One browser for all."""
    if missing():
        pytest.skip(f"not installed: {', '.join(missing())}")
    with chromium(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The addresses of a report and of a comparison."""
    folder = tmp_path_factory.mktemp("pages")
    compared = folder / "comparison.html"
    many = [replace(mixed(), backend=f"backend-{number}") for number in range(5)]
    compared.write_text(comparison.page(comparison.compare([report(), *many])), encoding="utf-8")
    return {"report": write(mixed(), folder).as_uri(), "comparison": compared.as_uri()}


@pytest.fixture(params=["report", "comparison"])
def address(request: pytest.FixtureRequest, pages: dict[str, str]) -> str:
    """The address of a page."""
    return pages[request.param]


def shown(browser: Chrome) -> list[str]:
    """The ids of the clauses that can be seen."""
    ids: list[str] = browser.execute_script(SHOWN)
    return ids


def choose(browser: Chrome, name: str, value: str) -> None:
    """Choose in a list of the filters."""
    Select(browser.find_element(By.NAME, name)).select_by_visible_text(value)


def test_a_page_opens_without_a_word_in_the_console(browser: Chrome, address: str) -> None:
    look(browser)

    browser.get(address)

    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]  # Selenium gives it no type.
    assert "dfbackends" in browser.title
    assert browser.execute_script("return performance.getEntriesByType('resource').map(one => one.name)") == []


def test_text_level_and_outcome_filter_together(browser: Chrome, pages: dict[str, str]) -> None:
    look(browser)
    browser.get(pages["report"])
    everything = shown(browser)

    choose(browser, "outcome", "not run")
    assert shown(browser) == ["ERR-06"]
    choose(browser, "outcome", "no case")
    assert shown(browser) == [f"MIR-0{number}" for number in range(1, 6)]
    choose(browser, "level", "Verified")
    assert shown(browser) == ["MIR-01"]
    browser.find_element(By.NAME, "text").send_keys("no such word")
    assert shown(browser) == []
    assert browser.find_element(By.CSS_SELECTOR, ".nothing").is_displayed()
    assert browser.find_element(By.CSS_SELECTOR, "output").text == f"0 of {len(everything)} clauses"
    browser.find_element(By.CSS_SELECTOR, "button[type=reset]").click()

    eventually(lambda: shown(browser) == everything, "all clauses are shown again")
    assert len(everything) == len(mixed().clauses)


def test_text_is_looked_for_in_ids_promises_tests_and_reasons_whatever_its_case(browser: Chrome, pages: dict[str, str]) -> None:
    look(browser)
    for words, clause in [
        ("loss-06", "LOSS-06"),
        ("IDLE watchdog", "LOSS-04"),
        ("test_kv_12", "KV-12"),
        ("overlapped", "ERR-07"),
    ]:
        browser.get(pages["report"])

        browser.find_element(By.NAME, "text").send_keys(words)

        assert shown(browser) == [clause]


def test_a_group_without_a_clause_to_show_is_not_shown(browser: Chrome, pages: dict[str, str]) -> None:
    look(browser)
    browser.get(pages["report"])

    choose(browser, "outcome", "failed")

    groups = [group.text for group in browser.find_elements(By.CSS_SELECTOR, ".group") if group.is_displayed()]
    assert groups == ["TABLES"]


def test_a_link_to_a_clause_shows_its_cases_even_if_it_was_filtered_away(browser: Chrome, pages: dict[str, str]) -> None:
    look(browser)
    browser.get(pages["report"])
    choose(browser, "outcome", "failed")

    browser.find_element(By.CSS_SELECTOR, "section[aria-labelledby=verdict] a[href='#ERR-07']").click()

    eventually(lambda: "ERR-07" in shown(browser), "the clause is shown")
    top = browser.execute_script("return document.getElementById('ERR-07').getBoundingClientRect().top")
    assert -1 <= top < browser.execute_script("return innerHeight")
    assert "2 operations overlapped" in browser.find_element(By.CSS_SELECTOR, "#ERR-07 .cases").text


def test_an_address_with_a_clause_opens_at_it(browser: Chrome, pages: dict[str, str]) -> None:
    look(browser)
    browser.get("about:blank")

    browser.get(f"{pages['report']}#LOSS-05")

    assert "test_loss_05" in browser.find_element(By.CSS_SELECTOR, "#LOSS-05 .cases").text
    assert browser.execute_script("return scrollY") > 1000


def test_without_scripts_everything_is_there_but_the_filters(browser: Chrome, address: str) -> None:
    look(browser)
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(address)

        assert len(shown(browser)) == len(mixed().clauses)
        assert not browser.find_element(By.CSS_SELECTOR, ".filters").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


OVERFLOWING = """
return [...document.body.querySelectorAll("*")].filter(one => {
    const box = one.getBoundingClientRect();
    return box.width > 1 && one.checkVisibility() && (box.right > innerWidth + 0.5 || box.left < 0) &&
        !one.matches(".skip, .scroll *");
}).map(one => one.outerHTML.slice(0, 200));
"""

SCROLLING = "return [...document.querySelectorAll('.scroll')].map(one => one.scrollWidth === one.clientWidth)"


@pytest.mark.parametrize("width", [380, 705, 1200])
def test_nothing_is_wider_than_the_window(width: int, browser: Chrome, address: str) -> None:
    look(browser, width=width)
    browser.get(address)
    browser.execute_script("document.querySelectorAll('details').forEach(one => { one.open = true; })")

    assert browser.execute_script(OVERFLOWING) == []
    assert browser.execute_script("return document.documentElement.scrollWidth") == width
    if width == 380:
        assert all(browser.execute_script(SCROLLING))


# The contrast of WCAG 2: of each element that has text of its own, with the first background behind it that is not transparent.
FAINT = """
const channels = colour => colour.match(/[\\d.]+/g).map(Number);
const luminance = colour => {
    const [r, g, b] = channels(colour).slice(0, 3).map(one => one / 255).map(
        one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = one => {
    for (; one; one = one.parentElement) {
        const colour = getComputedStyle(one).backgroundColor;
        if ((channels(colour)[3] ?? 1) === 1) return colour;
    }
    return "rgb(255, 255, 255)";
};
const seen = [...document.body.querySelectorAll("*")].filter(one => one.checkVisibility() &&
    ([...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()) || one.matches("input, select")));
const faint = seen.map(one => {
    const [light, dark] = [getComputedStyle(one).color, behind(one)].map(luminance).sort((a, b) => b - a);
    return [(light + 0.05) / (dark + 0.05), one.outerHTML.slice(0, 120)];
}).filter(([contrast]) => contrast < 4.5);
return [seen.length, behind(document.body), faint];
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(dark: bool, browser: Chrome, address: str) -> None:
    look(browser, dark=dark)
    browser.get(address)
    browser.execute_script("document.querySelectorAll('details').forEach(one => { one.open = true; })")

    found: Any = browser.execute_script(FAINT)
    seen, background, faint = found

    assert faint == []
    assert seen > 100
    assert (background == "rgb(13, 17, 23)") is dark


def test_headings_tables_and_inputs_say_what_they_are(browser: Chrome, address: str) -> None:
    look(browser)
    browser.get(address)

    levels = [int(one.tag_name[1]) for one in browser.find_elements(By.CSS_SELECTOR, "h1, h2, h3")]
    assert levels[0] == 1
    assert set(levels[1:]) == {2}
    for table in browser.find_elements(By.TAG_NAME, "table"):
        assert table.find_elements(By.CSS_SELECTOR, "thead th[scope=col]")
    for field in browser.find_elements(By.CSS_SELECTOR, "input, select"):
        assert field.accessible_name
    assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"
