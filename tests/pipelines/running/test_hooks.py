"""`hooks: pre_get_sources_script`: before the sources, and no way to lead them elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipelines.running.test_local import Checkout, words


def checkout_of(tmp_path: Path, text: str) -> Checkout:
    checkout = Checkout(tmp_path, text)
    (checkout.root / "a.txt").write_text("a source")
    return checkout


def test_it_runs_before_the_sources_with_the_jobs_variables(tmp_path: Path) -> None:
    checkout = checkout_of(
        tmp_path,
        """
job:
  variables: {WHO: world}
  hooks: {pre_get_sources_script: ['test ! -e "$CI_PROJECT_DIR/a.txt"', 'echo hello $WHO', 'echo set > ~/left']}
  script: [cat a.txt, cat ~/left]
""",  # noqa: E501 - one line of YAML
    )
    result = checkout.run()
    assert words(result) == {"job": "success"}, checkout.heard.text
    text = checkout.heard.text["job"]
    assert text.index("hello world") < text.index("Getting the sources")
    assert "a source" in text
    assert "set\n" in text


def test_where_it_fails_nothing_else_runs(tmp_path: Path) -> None:
    checkout = checkout_of(
        tmp_path,
        """
job:
  hooks: {pre_get_sources_script: [exit 3]}
  script: [echo ran]
  after_script: [echo tidied]
""",
    )
    result = checkout.run()
    outcome = result.jobs["job"].outcome
    assert outcome is not None
    assert (outcome.reason, outcome.exit_code) == ("script_failure", 3)
    assert outcome.message == "pre_get_sources_script ended with exit code 3"
    assert "\nran\n" not in checkout.heard.text["job"]
    assert "tidied" not in checkout.heard.text["job"]


@pytest.mark.parametrize(
    "line",
    [
        'rm -rf "$CI_PROJECT_DIR"; ln -s "$OUTSIDE" "$CI_PROJECT_DIR"',
        'ln -s "$OUTSIDE" "$CI_PROJECT_DIR/a.txt"; mkdir "$CI_PROJECT_DIR/.git"',
        'rm -rf "$CI_PROJECT_DIR"; echo x > "$CI_PROJECT_DIR"',
        'rm -rf "$CI_PROJECT_DIR"',
    ],
)
def test_what_it_leaves_leads_the_sources_nowhere(tmp_path: Path, line: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    checkout = checkout_of(
        tmp_path,
        f"""
job:
  variables: {{OUTSIDE: {outside}}}
  hooks: {{pre_get_sources_script: ['{line}']}}
  script: [cat a.txt]
""",
    )
    assert words(checkout.run()) == {"job": "success"}, checkout.heard.text
    assert list(outside.iterdir()) == []


def test_its_output_is_no_coverage(tmp_path: Path) -> None:
    checkout = checkout_of(
        tmp_path,
        """
job:
  hooks: {pre_get_sources_script: ['echo TOTAL 12%']}
  script: [echo done]
  coverage: '/TOTAL (\\d+)%/'
""",
    )
    outcome = checkout.run().jobs["job"].outcome
    assert outcome is not None
    assert (str(outcome.status), outcome.coverage) == ("success", None)
