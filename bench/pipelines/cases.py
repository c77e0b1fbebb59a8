"""Repositories with a CI file of a given shape, made anew for each run."""

from __future__ import annotations

import subprocess
from pathlib import Path

LAYERS, WIDTH = 10, 10
CHAINS, STAGES = 20, 5
RUNGS = 16
JOBS = 500


def one_job() -> str:
    return "hello:\n  script: [echo hello]\n"


def dag() -> str:
    """Ten layers of ten jobs; each needs two of the layer before."""
    lines = []
    for layer in range(LAYERS):
        for place in range(WIDTH):
            others = [f"j{layer - 1}x{(place + step) % WIDTH}" for step in range(2)]
            needs = f"[{', '.join(others)}]" if layer else "[]"
            lines.append(f"j{layer}x{place}: {{script: [echo {layer}], needs: {needs}}}")
    return "\n".join(lines)


def ladder() -> str:
    """Sixteen layers of two jobs; each needs both of the layer before."""
    lines = []
    for layer in range(RUNGS):
        needs = f"[l{layer - 1}x0, l{layer - 1}x1]" if layer else "[]"
        lines += [f"l{layer}x{n}: {{script: [echo {n}], needs: {needs}}}" for n in range(2)]
    return "\n".join(lines)


def chains() -> str:
    """Twenty chains through five stages; one job of each sleeps 0.2 s, the others 0.02 s."""
    lines = [f"stages: [{', '.join(f's{n}' for n in range(STAGES))}]"]
    for chain in range(CHAINS):
        for stage in range(STAGES):
            pause = 0.2 if stage == chain % STAGES else 0.02
            needs = f"[c{chain}x{stage - 1}]" if stage else "[]"
            lines.append(
                f"c{chain}x{stage}: {{stage: s{stage}, script: [sleep {pause}], needs: {needs}}}"
            )
    return "\n".join(lines)


def configuration() -> dict[str, str]:
    """Five hundred jobs with extends, rules, references and an included file."""
    shared = """
.base: {before_script: [echo before], variables: {A: "1", B: $A}, retry: 1}
.rules: {rules: [{if: '$CI_COMMIT_BRANCH == "main"'}, {changes: [src/**/*], when: manual}]}
"""
    jobs = [
        f"job-{n}:\n  extends: [.base, .rules]\n  stage: {('build', 'test', 'deploy')[n % 3]}\n"
        f"  script: [!reference [.base, before_script], echo {n}]\n  variables: {{N: '{n}'}}\n"
        for n in range(JOBS)
    ]
    head = "include: [{local: shared.yml}]\nstages: [build, test, deploy]\n"
    return {".gitlab-ci.yml": head + "".join(jobs), "shared.yml": shared}


def one_liners(count: int) -> str:
    return "\n".join(f"job-{n}: {{script: [echo {n}]}}" for n in range(count))


def repository(root: Path, files: dict[str, str]) -> Path:
    """A git repository with one commit of the files, and an origin."""
    root.mkdir(parents=True)
    for name, text in files.items():
        (root / name).write_text(text)
    who = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
    for words in (
        ("init", "-q", "-b", "main"),
        ("add", "-A"),
        (*who, "commit", "-q", "-m", "bench"),
        ("remote", "add", "origin", "https://git.example.invalid/group/bench.git"),
    ):
        subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, timeout=60)
    return root
