"""`slipway ci …`: lint, explain and draw the checkout's `.gitlab-ci.yml`, which asks no server.

What runs on the server is in `cli_server`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from idp.common.console import Client, Code, fail, note, print_json, say
from pipelines import cli_agent, cli_server, cli_split, local_settings
from pipelines.checkout import CheckoutFiles, content_of, context_of, root_of
from pipelines.cli_run import run as run_plan
from pipelines.cli_run import tell
from pipelines.engine import cache, explaining
from pipelines.engine.cache import FILE
from pipelines.engine.context import Context
from pipelines.engine.planned import Plan
from pipelines.engine.problems import ConfigError, Problem, nearest
from pipelines.running.choosing import Wanted
from pipelines.running.launching import Launcher

if TYPE_CHECKING:  # what reads a file is loaded where no plan of it is kept
    from pipelines.engine.childplans import Children
    from pipelines.engine.config import Config
    from pipelines.engine.linting import Report

FileOption = Annotated[str, typer.Option("--file", "-f", help="Instead of .gitlab-ci.yml.")]
Branch = Annotated[str, typer.Option(help="As if on this branch.")]
Tag = Annotated[str, typer.Option(help="As if for this tag.")]
Source = Annotated[str, typer.Option(help="As if started by push, schedule, web, api …")]
Request = Annotated[bool, typer.Option("--merge-request", help="As if for a merge request.")]
Given = Annotated[list[str], typer.Option("--var", help="NAME=VALUE, as if given by a person.")]


@dataclass(frozen=True)
class Asked:
    """What to read, and what to pretend."""

    file: str = ""
    branch: str = ""
    tag: str = ""
    source: str = ""
    merge_request: bool = False
    variables: tuple[str, ...] = ()


def _checkout(asked: Asked) -> CheckoutFiles:
    """The checkout that holds the file."""
    folder = Path(asked.file).parent if asked.file else Path.cwd()
    return CheckoutFiles(root_of(folder if folder.is_dir() else Path.cwd()))


def _found(asked: Asked, files: CheckoutFiles) -> tuple[bytes, Context, str]:
    """The file's content, its context and its path from the checkout's root."""
    root = files.root
    local = local_settings.read(root)
    path = Path(asked.file) if asked.file else root / (local.file or FILE)
    source = "merge_request_event" if asked.merge_request else asked.source
    pretended = {"source": source, "branch": asked.branch, "tag": asked.tag}
    try:
        data = content_of(path)
    except OSError as error:
        message = f"{path}: {error.strerror}."
        raise fail(message, Code.NOT_FOUND, fix="Name a file.") from None
    inside = path.resolve().is_relative_to(root.resolve())
    name = str(path.resolve().relative_to(root.resolve())) if inside else path.name
    return data, context_of(files, _variables(asked.variables), local, **pretended), name


def _variables(given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not sign or not name.isidentifier():
            raise fail(f"--var {one}: write it as NAME=VALUE.", Code.USAGE)
        found[name] = value
    return found


def _plan(asked: Asked) -> tuple[CheckoutFiles, Plan, Children | None]:
    """The checkout, its plan, kept beside those made before, and who plans children of it."""
    files = _checkout(asked)
    data, context, name = _found(asked, files)
    try:
        made = cache.planned(data, context, _kept(), name)
    except ConfigError as fault:
        raise _refused(fault) from None
    if not any(job.trigger and job.trigger.include for job in made.jobs.values()):
        return files, made, None
    return files, made, import_module("pipelines.engine.childplans").Children(context)


def _kept() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "slipway" / "plans"


def _refused(fault: ConfigError) -> typer.Exit:
    for problem in fault.problems:
        note(str(problem))
    return typer.Exit(int(Code.FAILED))


def _planned(asked: Asked) -> tuple[Config, Plan]:
    data, context, name = _found(asked, _checkout(asked))
    try:
        config = import_module("pipelines.engine.config").load(data, context, name)
        made = import_module("pipelines.engine.plan").plan(config, context)
    except ConfigError as fault:
        raise _refused(fault) from None
    return config, made


def _as_json(problem: Problem) -> dict[str, object]:
    return {
        "file": problem.where.file,
        "line": problem.where.line,
        "severity": problem.severity,
        "rule": problem.rule,
        "message": problem.message,
        "fix": problem.fix,
    }


def _print_report(report: Report) -> None:
    for problem in report.problems:
        say(str(problem))
    if report.plan is not None:
        jobs, out = len(report.plan.jobs), len(report.plan.left_out)
        say(f"{report.plan.state}: {jobs} jobs in, {out} out ({report.plan.reason})")
    doubts = len(report.problems) - len(report.errors)
    note(f"{len(report.errors)} errors, {doubts} warnings")


def _register_lint(group: typer.Typer, client: Client) -> None:
    @group.command("lint")
    def lint_(
        file: Annotated[str, typer.Argument(help="Instead of .gitlab-ci.yml.")] = "",
        *,
        branch: Branch = "",
        tag: Tag = "",
        source: Source = "",
        merge_request: Request = False,
        var: Given = [],  # noqa: B006 - typer copies it
    ) -> None:
        """Say what is wrong with the file; exit code 1 when it makes no pipeline."""
        asked = Asked(file, branch, tag, source, merge_request, tuple(var))
        report: Report = import_module("pipelines.engine.linting").lint(
            *_found(asked, _checkout(asked))
        )
        if client.as_json:
            state = report.plan.state if report.plan else None
            problems = [_as_json(problem) for problem in report.problems]
            print_json({"valid": not report.errors, "state": state, "problems": problems})
        else:
            _print_report(report)
        if report.errors:
            raise typer.Exit(int(Code.FAILED))


def _register_explain(group: typer.Typer, client: Client) -> None:
    @group.command()
    def explain(
        job: Annotated[str, typer.Argument(help="A job's name.")],
        *,
        file: FileOption = "",
        branch: Branch = "",
        tag: Tag = "",
        source: Source = "",
        merge_request: Request = False,
        var: Given = [],  # noqa: B006 - typer copies it
    ) -> None:
        """Say why a job is in or out: the rules, the values, the lines."""
        config, made = _planned(Asked(file, branch, tag, source, merge_request, tuple(var)))
        try:
            names = explaining.matching(config, made, job)
        except explaining.UnknownJob:
            fix = nearest(job, list(config.jobs)) or "slipway ci graph lists them."
            raise fail(f"There is no job “{job}”.", Code.NOT_FOUND, fix=fix) from None
        found = [explaining.explained(config, made, name) for name in names]
        if client.as_json:
            print_json(found)
            return
        for one in found:
            for line in explaining.lines(one):
                say(line)


def _register_graph(group: typer.Typer, client: Client) -> None:
    @group.command()
    def graph(
        *,
        file: FileOption = "",
        branch: Branch = "",
        tag: Tag = "",
        source: Source = "",
        merge_request: Request = False,
        var: Given = [],  # noqa: B006 - typer copies it
    ) -> None:
        """Show the stages, the jobs that are in, and what each waits for."""
        _, made, children = _plan(Asked(file, branch, tag, source, merge_request, tuple(var)))
        if client.as_json:
            jobs = [explaining.as_json(job) for job in made.jobs.values()]
            left = {name: decision.reason for name, decision in made.left_out.items()}
            print_json(
                {
                    "state": made.state,
                    "reason": made.reason,
                    "name": made.name,
                    "jobs": jobs,
                    "out": left,
                }
            )
            return
        for line in explaining.graph_lines(made, children):
            say(line)
        if made.left_out or not made.jobs:
            note(f"{made.state}: {made.reason}; {len(made.left_out)} jobs are out")


def _register_run(group: typer.Typer, client: Client) -> None:
    @group.command()
    def run(
        jobs: Annotated[list[str], typer.Argument(help="Jobs; all where none is named.")] = [],  # noqa: B006 - typer copies it
        *,
        needs: Annotated[bool, typer.Option("--needs", help="And what they need.")] = False,
        stage: Annotated[str, typer.Option(help="The jobs of one stage.")] = "",
        manual: Annotated[list[str], typer.Option(help="A manual job to start.")] = [],  # noqa: B006 - typer copies it
        slots: Annotated[int, typer.Option("--jobs", "-j", min=0, max=256)] = 0,
        quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No job's output.")] = False,
        verbose: Annotated[bool, typer.Option("--verbose", "-v", help="And files, cache.")] = False,
        file: FileOption = "",
        branch: Branch = "",
        tag: Tag = "",
        source: Source = "",
        merge_request: Request = False,
        var: Given = [],  # noqa: B006 - typer copies it
        yes: cli_server.Yes = False,
    ) -> None:
        """Run the pipeline on this machine, in copies of the checkout; artifacts come back."""
        asked = Asked(file, branch, tag, source, merge_request, tuple(var))
        wanted = Wanted(tuple(jobs), needs, stage, tuple(manual), slots)
        how = {"quiet": quiet or client.as_json, "verbose": verbose, "yes": yes}
        with Launcher() as launcher:  # it gets ready while the plan is made
            files, made, children = _plan(asked)
            result = run_plan(files, made, wanted, launcher, children, **how)
        tell(result, made, as_json=client.as_json)


def register(app: typer.Typer, client: Client) -> None:
    group = typer.Typer(help="CI: what this checkout's .gitlab-ci.yml does.", no_args_is_help=True)
    _register_lint(group, client)
    _register_explain(group, client)
    _register_graph(group, client)
    _register_run(group, client)
    cli_server.register(group, client)
    cli_split.register(group, client)
    app.add_typer(group, name="ci")
    cli_agent.register(app, client)
