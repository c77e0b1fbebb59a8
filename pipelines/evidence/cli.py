"""`slipway evidence`: what is known of a commit, and what lacks."""

from __future__ import annotations

from typing import Annotated

import typer

from idp.common.console import Client, clean, note, print_json, say


def register(app: typer.Typer, client: Client) -> None:
    @app.command()
    def evidence(
        project: Annotated[str, typer.Argument(help="A project’s name.")],
        commit: Annotated[str, typer.Argument(help="In full: git rev-parse HEAD")],
    ) -> None:
        """Say every fact of a commit that rules may ask for, or why it is not known."""
        found = client.get("evidence/", project=project, commit=commit)
        if client.as_json:
            print_json(found)
            return
        width = max(len(one["name"]) for one in found["facts"])
        for one in found["facts"]:
            told = f"not known: {one['unknown']} {one['fix']}".rstrip()
            say(f"{one['name']:<{width}}  {told if one['unknown'] else clean(one['value'])}")
        unknown = sum(bool(one["unknown"]) for one in found["facts"])
        bundle = f"bundle {found['bundle']}" if found["bundle"] else "no bundle"
        note(f"{found['commit'][:8]} of {found['project']}, {bundle}; {unknown} facts not known")
