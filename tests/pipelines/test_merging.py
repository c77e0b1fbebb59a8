"""include, extends, !reference: what comes together, and what is refused by name."""

from itertools import pairwise

import pytest

from pipelines.engine.problems import ConfigError
from tests.pipelines.making import files, loaded, planned, refused


def test_extends_merges_maps_and_replaces_lists() -> None:
    config = loaded(
        """
        .base:
          variables: {A: "1", B: "1"}
          tags: [x]
          script: [base]
        job:
          extends: .base
          variables: {B: "2"}
          tags: [y]
        """
    )
    job = config.jobs["job"]
    assert {name: one.value for name, one in job.variables.items()} == {"A": "1", "B": "2"}
    assert job.keys["tags"] == ["y"]
    assert job.script == ("base",)
    assert job.extends == (".base",)


def test_of_several_parents_the_last_wins() -> None:
    text = """
    .a: {script: [a], stage: build}
    .b: {script: [b]}
    job: {extends: [.a, .b]}
    """
    job = loaded(text).jobs["job"]
    assert (job.script, job.stage) == (("b",), "build")


def test_null_takes_an_extended_key_away() -> None:
    text = """
    .a: {script: [a], rules: [{if: $NOPE}]}
    job: {extends: .a, rules: null}
    """
    assert "job" in planned(text).jobs


def chain(length: int) -> str:
    names = [f".l{n}" for n in range(length)]
    lines = [f"{names[0]}: {{script: [x]}}"]
    lines += [f"{one}: {{extends: {before}}}" for before, one in pairwise(names)]
    return "\n".join([*lines, f"job: {{extends: {names[-1]}}}"])


def test_eleven_levels_are_the_most() -> None:
    assert loaded(chain(11)).jobs["job"].script == ("x",)
    assert refused(chain(12)).errors[0].rule == "extends-depth"


def test_a_circle_of_extends_is_drawn() -> None:
    caught = refused("a: {extends: b}\nb: {extends: a}\n")
    assert "a → b → a" in caught.message


def test_an_unknown_parent_is_named_with_the_nearest() -> None:
    caught = refused("\n.build: {script: [x]}\njob:\n  extends: .biuld\n")
    assert caught.problems[0].where.line == 4
    assert "“.build”" in caught.fix


def test_a_reference_brings_what_extends_brought() -> None:
    text = """
    .a: {script: [one]}
    .b: {extends: .a}
    job:
      script:
        - !reference [.b, script]
        - two
    """
    assert loaded(text).jobs["job"].script == ("one", "two")


def test_references_nest_ten_deep() -> None:
    def nested(deep: int) -> str:
        lines = [".r0: {script: [x]}"]
        lines += [f".r{n}: {{script: !reference [.r{n - 1}, script]}}" for n in range(1, deep)]
        return "\n".join([*lines, f"job: {{script: !reference [.r{deep - 1}, script]}}"])

    assert loaded(nested(10)).jobs["job"].script == ("x",)
    assert refused(nested(11)).errors[0].rule == "reference-depth"


def test_a_reference_to_itself_and_to_nothing_is_refused() -> None:
    assert refused("job: {script: !reference [job, script]}").errors[0].rule == "reference-cycle"
    caught = refused(".a: {script: [x]}\njob: {script: !reference [.a, scirpt]}")
    assert caught.errors[0].rule == "reference-unknown"
    assert "“script”" in caught.fix


def test_references_that_multiply_are_bounded() -> None:
    lines = [f".r0: {{script: [{', '.join(['x'] * 10)}]}}"]
    for n in range(1, 9):
        inner = ", ".join([f"!reference [.r{n - 1}, script]"] * 10)
        lines.append(f".r{n}: {{script: [{inner}]}}")
    lines.append("job: {script: !reference [.r8, script]}")
    assert refused("\n".join(lines)).errors[0].rule == "size"


def test_the_including_file_wins_and_later_files_over_earlier() -> None:
    config = loaded(
        """
        include: [/a.yml, {local: b.yml}]
        job: {script: [own]}
        """,
        files=files(
            a_yml="variables: {A: a, B: a}\njob: {script: [a], stage: build}",
            b_yml="variables: {B: b}\n",
        ),
    )
    assert {name: one.value for name, one in config.variables.items()} == {"A": "a", "B": "b"}
    assert (config.jobs["job"].script, config.jobs["job"].stage) == (("own",), "build")
    assert config.files == (".gitlab-ci.yml", "a.yml", "b.yml")


def test_a_job_knows_the_file_and_line_that_it_came_from() -> None:
    config = loaded("include: ci/a.yml\n", files=files(ci__a_yml="\njob:\n  script: [x]\n"))
    assert str(config.jobs["job"].where) == "ci/a.yml:2"


def test_globs_and_rules_choose_files() -> None:
    found = files(
        ci__a_yml="a: {script: [x]}", ci__sub__b_yml="b: {script: [x]}", c_yml="c: {script: [x]}"
    )
    assert set(loaded("include: ci/*.yml", files=found).jobs) == {"a"}
    assert set(loaded("include: ci/**/*.yml", files=found).jobs) == {"a", "b"}
    text = """
    include:
      - {local: ci/a.yml, rules: [{if: '$CI_COMMIT_BRANCH == "main"'}]}
      - {local: c.yml, rules: [{if: $NOPE}]}
    """
    assert set(loaded(text, files=found).jobs) == {"a"}


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("'file:///etc/passwd.yml'", "include-local"),
        ("../up.yml", "include-local"),
        ("./here.yml", "include-local"),
        ("/a//b.yml", "include-local"),
        ("a.txt", "include-local"),
        ("gone.yml", "include-missing"),
        ("'none/*.yml'", "include-missing"),
        ("https://example.test/a.yml", "include-remote"),
        ("{remote: 'https://example.test/a.yml'}", "include-remote"),
        ("{project: other/project, file: a.yml}", "include-project"),
        ("{template: Bash.gitlab-ci.yml}", "include-template"),
        ("{component: example.test/x@1}", "include-component"),
        ("{lcoal: a.yml}", "include-kind"),
        ("{local: a.yml, remote: b}", "include"),
        ("5", "include"),
    ],
)
def test_what_lies_elsewhere_is_refused_by_name(written: str, rule: str) -> None:
    caught = refused(f"include: {written}\njob: {{script: [x]}}", files=files(a_yml="a: 1"))
    assert caught.errors[0].rule == rule
    assert caught.fix


def test_a_circle_of_includes_is_drawn() -> None:
    with pytest.raises(ConfigError, match=r"a\.yml → b\.yml → a\.yml"):
        loaded("include: a.yml", files=files(a_yml="include: b.yml", b_yml="include: a.yml"))


def test_at_most_150_files_are_included() -> None:
    many = files(**{f"f{n}_yml": "x: {script: [x]}" for n in range(151)})
    assert refused("include: '*.yml'", files=many).errors[0].rule == "include-limit"
    fits = files(**{f"f{n}_yml": "x: {script: [x]}" for n in range(150)})
    assert len(loaded("include: '*.yml'", files=fits).files) == 151
