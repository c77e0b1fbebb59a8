"""JUnit as many tools write it: each document is written by hand after what its tool documents."""

from __future__ import annotations

import io
from textwrap import dedent

import pytest

from pipelines.reports.formats import junit
from pipelines.reports.formats.base import Source
from pipelines.reports.formats.results import Case, Cases, Outcome


def read(text: str, root: str = "") -> Cases:
    return junit.read(Source(io.BytesIO(dedent(text).strip().encode())), root)


def one(text: str) -> Case:
    found = read(text)
    assert len(found.cases) == 1
    return found.cases[0]


def case(inside: str = "", **attributes: str) -> Case:
    told = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    return one(f'<testsuite name="s"><testcase name="t" {told}>{inside}</testcase></testsuite>')


def test_pytest() -> None:
    found = read("""
        <?xml version="1.0" encoding="utf-8"?>
        <testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1"
          tests="4" time="0.123" timestamp="2026-11-26T10:00:00+00:00" hostname="ci">
        <testcase classname="tests.unit.test_cart.TestTotal" name="test_sum[1-2]" time="0.004" />
        <testcase classname="tests.unit.test_cart" name="test_tax" time="0.010">
          <failure message="assert 19 == 20">def test_tax():
        &gt;   assert 19 == 20</failure></testcase>
        <testcase classname="tests.unit.test_cart" name="test_db" time="0.100">
          <error message="failed on setup with &quot;OSError&quot;">OSError</error></testcase>
        <testcase classname="tests.unit.test_cart" name="test_slow" time="0">
          <skipped type="pytest.skip" message="slow">tests/unit/test_cart.py:9: slow</skipped>
        </testcase></testsuite></testsuites>
    """)
    assert (found.total, found.passed, found.failed, found.errors, found.skipped) == (4, 1, 1, 1, 1)
    assert {one.file for one in found.cases} == {"tests/unit/test_cart.py"}
    red = found.cases[1]
    assert (red.outcome, red.message) == (Outcome.FAILED, "assert 19 == 20")
    assert red.details.startswith("def test_tax():")
    assert found.seconds == 0.114


def test_maven_surefire_tells_reruns_beside_the_last_try() -> None:
    found = read("""
        <testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" name="com.acme.CartTest"
          time="1,204.5" tests="2" errors="0" skipped="0" failures="1" flakes="1">
        <properties><property name="java.version" value="21"/></properties>
        <testcase name="adds" classname="com.acme.CartTest" time="0.5">
          <flakyFailure message="expected: 3" type="AssertionError">
            <stackTrace><![CDATA[at CartTest.java:12]]></stackTrace></flakyFailure>
        </testcase>
        <testcase name="ships" classname="com.acme.CartTest" time="1,204">
          <failure message="no stock" type="IllegalState">trace</failure>
          <rerunFailure message="no stock" type="IllegalState"><stackTrace>x</stackTrace>
            <system-out>again</system-out></rerunFailure>
          <rerunError message="gone" type="IO"/>
        </testcase></testsuite>
    """)
    adds, ships = found.cases
    assert (adds.outcome, adds.failed_tries, adds.flaky) == (Outcome.PASSED, 1, True)
    assert adds.message == "expected: 3"
    assert "CartTest.java:12" in adds.details
    assert (ships.outcome, ships.failed_tries, ships.flaky) == (Outcome.FAILED, 2, False)
    assert (found.flaky, found.failed) == (1, 1)


def test_gotestsum_writes_each_try_as_a_case() -> None:
    found = read("""
        <testsuites tests="3"><testsuite tests="3" failures="1" name="acme.test/cart" time="1.0">
        <properties><property name="go.version" value="go1.23"/></properties>
        <testcase classname="acme.test/cart" name="TestAdd/empty" time="0.01"/>
        <testcase classname="acme.test/cart" name="TestShip" time="0.02">
          <failure message="Failed" type="">cart_test.go:8: no</failure></testcase>
        <testcase classname="acme.test/cart" name="TestShip" time="0.02"/>
        </testsuite></testsuites>
    """)
    assert (found.total, found.passed, found.failed, found.flaky) == (2, 2, 0, 1)
    assert found.cases[1].details == "cart_test.go:8: no"


def test_two_tests_of_one_name_hide_no_failure() -> None:
    found = read("""
        <testsuite name="jest"><testcase classname="cart adds" name="cart adds" time="1">
          <failure>Error: no</failure></testcase>
        <testcase classname="cart adds" name="cart adds" time="1"/></testsuite>
    """)
    assert (found.total, found.failed, found.flaky) == (1, 1, 0)
    assert found.cases[0].message == "Error: no"


def test_phpunit_nests_suites_and_names_files_above() -> None:
    found = one("""
        <testsuites><testsuite name="all" tests="1"><testsuite name="Acme\\CartTest"
          file="/builds/acme/shop/tests/CartTest.php"><testsuite name="Acme\\CartTest::adds">
        <testcase name="adds with data set #0" class="Acme\\CartTest" classname="Acme.CartTest"
          line="12" assertions="1" time="0.001"/></testsuite></testsuite></testsuite></testsuites>
    """)
    assert found.file == "tests/CartTest.php"
    assert (found.suite, found.classname) == ("Acme\\CartTest::adds", "Acme.CartTest")


def test_mocha_and_cypress_name_the_file_in_their_root_suite_alone() -> None:
    found = one("""
        <testsuites name="Mocha Cases" time="1.5"><testsuite name="Root Suite" tests="0"
          file="cypress/e2e/cart.cy.js"></testsuite>
        <testsuite name="cart" tests="1"><testcase name="cart adds" time="1.5" classname="adds">
        <failure message="Timed out" type="CypressError"><![CDATA[Error: Timed out]]></failure>
        </testcase></testsuite></testsuites>
    """)
    assert found.file == "cypress/e2e/cart.cy.js"
    assert found.outcome is Outcome.FAILED


def test_ctest_and_googletest_say_it_by_status() -> None:
    found = read("""
        <testsuite name="Linux" tests="5">
        <testcase name="a" time="0.1" status="run"><system-out>fine</system-out></testcase>
        <testcase name="b" classname="b" time="0.1" status="fail"/>
        <testcase name="c" classname="c" time="0" status="disabled"/>
        <testcase name="d" status="notrun" result="suppressed" time="0" classname="D"/>
        <testcase name="e" status="run" result="completed" time="0.2" classname="E"/></testsuite>
    """)
    assert [one.outcome.value for one in found.cases] == [
        *("passed", "failed", "skipped", "skipped", "passed")
    ]
    assert found.cases[0].details == ""


def test_names_with_prefixes_are_read_by_their_own_part() -> None:
    found = read("""
        <j:testsuites xmlns:j="urn:acme"><j:testsuite name="x"><j:testcase name="t" time="1">
        <j:failure message="no"/></j:testcase></j:testsuite></j:testsuites>
    """)
    assert (found.failed, found.cases[0].message) == (1, "no")


def test_gradle_properties_and_output_are_no_part_of_a_case() -> None:
    found = one("""
        <testsuite name="CartTest" tests="1" hostname="ci"><properties/>
        <testcase name="adds()" classname="acme.CartTest" time="0.011"/>
        <system-out><![CDATA[much]]></system-out><system-err><![CDATA[]]></system-err></testsuite>
    """)
    assert (found.name, found.outcome, found.details) == ("adds()", Outcome.PASSED, "")


@pytest.mark.parametrize(
    ("inside", "outcome", "message"),
    [
        ("<failure>first line\nsecond</failure>", Outcome.FAILED, "first line"),
        ('<failure type="AssertionError"/>', Outcome.FAILED, "AssertionError"),
        ("<error/>", Outcome.ERROR, ""),
        ('<skipped message="later"/>', Outcome.SKIPPED, "later"),
        ("<skipped/><failure message='no'/>", Outcome.FAILED, "no"),
        ("<failure message='a'/><error message='b'/>", Outcome.FAILED, "a"),
        ('<properties><property name="owner" value="x"/></properties>', Outcome.PASSED, ""),
        ("<system-out>said</system-out>", Outcome.PASSED, ""),
    ],
)
def test_what_stands_in_a_case(inside: str, outcome: Outcome, message: str) -> None:
    found = case(inside)
    assert (found.outcome, found.message) == (outcome, message)


def test_output_of_a_red_case_is_kept() -> None:
    found = case("<failure message='no'>why</failure><system-out>said</system-out>")
    assert found.details == "why\n\nsaid"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0.25", 0.25),
        ("1,234.5", 1234.5),
        ("1,234,567", 1234567.0),
        ("0,25", 0.25),
        ("1,5", 1.5),
        ("1e-3", 0.001),
        ("2s", 2.0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("9" * 400, None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert junit.seconds(text) == seconds


def test_a_case_without_name_and_suites_without_cases() -> None:
    assert case(classname="c").name == "t"
    assert one("<testsuite><testcase/></testsuite>").name == "(no name)"
    assert read("<testsuites/>").total == 0


def test_long_texts_keep_head_and_tail() -> None:
    found = case(f"<failure>{'a' * 100_000}THE END</failure>")
    assert len(found.details) <= 8_000
    assert found.details.startswith("aaa")
    assert found.details.endswith("THE END")
    assert len(found.message) <= 1_000


def test_the_root_of_the_checkout_is_taken_from_names() -> None:
    found = read('<testsuite><testcase name="t" file="/x/y/a.py"/></testsuite>', root="/x/y")
    assert found.cases[0].file == "a.py"
