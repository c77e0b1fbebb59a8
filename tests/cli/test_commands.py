import json
from collections import deque
from pathlib import Path
from typing import Any

import httpx
import pytest

from environments import cli as env_cli
from environments import live
from idp.changes import cli as change_cli
from idp.common.console import pairs
from tests.support.console import Script, problem, run

ACTION = {
    "verb": "update",
    "target": "kubernetes",
    "kind": "Deployment",
    "name": "web",
    "namespace": "orders-staging-1a2b",
    "risk": "changes what runs",
    "note": "",
    "fields": [{"path": "spec.replicas", "before": 2, "after": 4, "owner": "", "known": True}],
    "loss": None,
}
LOSS = {
    **ACTION,
    "verb": "delete",
    "target": "aws",
    "kind": "Bucket",
    "name": "exports",
    "namespace": "",
    "risk": "loses data",
    "fields": [],
    "loss": {"sentence": "3 objects", "choices": ["retain", "purge"], "choice": ""},
}
GATE = {"gate": "approval", "outcome": "wait", "sentence": "Needs 1 approval.", "lift": "lee.lead"}
PLAN = {"change": 42, "plan_hash": "h1", "plan": {"actions": [ACTION]}, "gates": []}
EMPTY = {"results": [], "next": None}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_cli, "POLL_SECONDS", 0)


def change(state: str, **extra: Any) -> dict[str, Any]:
    return {"id": 42, "title": "Scale web to 4", "state": state, "reason": "", **extra}


def story(*states: str, plan: dict[str, Any] | None = None, **answers: Any) -> Script:
    return Script(
        {
            "GET changes/42/": deque([change(state) for state in states]),
            "GET changes/42/events/": EMPTY,
            "GET changes/42/plan/": plan or PLAN,
            "POST changes/42/confirm/": change("waiting"),
            **answers,
        }
    )


def scaling(*states: str, **answers: Any) -> Script:
    return story(
        *states, **{"POST environments/orders/staging/scale/": change("planning"), **answers}
    )


class TestFollow:
    def test_plan_confirm_and_watch_to_the_end(self) -> None:
        script = scaling("planning", "ready", "applying", "observing", "succeeded")
        result = run(script, "env", "scale", "orders/staging", "4", "--yes")
        assert result.exit_code == 0, result.output
        assert script.said("POST") == [
            "environments/orders/staging/scale/",
            "changes/42/confirm/",
        ]
        assert script.body(0) is not None
        assert "~ update Deployment orders-staging-1a2b/web" in result.stdout
        assert "spec.replicas: 2 → 4" in result.stdout
        assert "Change 42 succeeded." in result.stdout

    def test_the_plan_that_was_shown_is_what_is_confirmed(self) -> None:
        script = scaling("ready", "succeeded")
        run(script, "env", "scale", "orders/staging", "4", "--yes")
        sent = next(c for c in script.calls if c.url.path.endswith("confirm/"))
        assert json.loads(sent.content) == {"plan_hash": "h1", "choices": {}}

    def test_no_leaves_it_as_it_is(self) -> None:
        script = scaling("ready")
        result = run(script, "env", "scale", "orders/staging", "4", typed="n\n")
        assert result.exit_code == 0
        assert "changes/42/confirm/" not in script.said("POST")
        assert "slipway change cancel 42" in result.stdout

    def test_plan_only_stops_there(self) -> None:
        script = scaling("ready")
        result = run(script, "env", "scale", "orders/staging", "4", "--plan")
        assert "slipway change confirm 42" in result.stdout
        assert "changes/42/confirm/" not in script.said("POST")

    @pytest.mark.parametrize(
        ("state", "exit_code"), [("failed", 1), ("refused", 3), ("cancelled", 1), ("expired", 1)]
    )
    def test_the_end_decides_the_exit_code(self, state: str, exit_code: int) -> None:
        script = scaling("ready", state)
        result = run(script, "env", "scale", "orders/staging", "4", "-y")
        assert result.exit_code == exit_code
        assert f"Change 42 {state}" in result.stdout

    def test_json_prints_one_document(self) -> None:
        script = scaling("ready", "succeeded")
        result = run(script, "env", "scale", "orders/staging", "4", "-y", "--json")
        assert json.loads(result.stdout)["state"] == "succeeded"

    def test_a_deadline_ends_the_watching_not_the_change(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = iter(range(0, 10_000, 60))
        monkeypatch.setattr(change_cli.time, "monotonic", lambda: next(clock))
        result = run(story("applying"), "change", "watch", "42", "--timeout", "100")
        assert result.exit_code == 1
        assert "still applying after 100 s; it goes on" in result.stderr

    def test_events_are_told_once_and_in_order(self) -> None:
        events = [
            {"number": 1, "at": "2026-11-22T10:00:00Z", "kind": "state", "data": {"state": "a"}},
            {"number": 2, "at": "2026-11-22T10:00:01Z", "kind": "log", "data": {"text": "made it"}},
        ]
        script = story("applying", "succeeded")
        script.answers["GET changes/42/events/"] = deque([{"results": events, "next": None}, EMPTY])
        result = run(script, "change", "watch", "42")
        assert result.stderr.count("made it") == 1
        asked = [c.url.params["since"] for c in script.calls if c.url.path.endswith("events/")]
        assert asked == ["0", "2"]

    def test_a_step_is_told_by_its_title(self) -> None:
        data = {"key": "apply:3", "title": "Apply Service web", "position": 3, "state": "done"}
        event = {"number": 1, "at": "2026-11-22T10:00:00Z", "kind": "step", "data": data}
        script = story("succeeded")
        script.answers["GET changes/42/events/"] = {"results": [event], "next": None}
        told = run(script, "change", "watch", "42").stderr
        assert "10:00:00Z step done Apply Service web" in told


class TestChange:
    def test_fields_of_harmless_actions_are_counted_unless_all_are_asked_for(self) -> None:
        new = {**ACTION, "risk": "harmless", "verb": "create", "kind": "Service"}
        script = story("ready", plan={**PLAN, "plan": {"actions": [ACTION, new]}})
        script.answers["GET changes/42/"] = change("ready", plan_hash="h1")
        out = run(script, "change", "show", "42").stdout
        assert out.count("spec.replicas: 2 → 4") == 1
        assert "create Service orders-staging-1a2b/" in out
        assert "1 field of harmless actions: slipway change show 42 --all" in out
        every = run(script, "change", "show", "42", "--all").stdout
        assert every.count("spec.replicas: 2 → 4") == 2
        assert "harmless actions" not in every

    def test_show_prints_the_change_its_losses_and_what_waits(self) -> None:
        plan = {**PLAN, "plan": {"actions": [LOSS]}, "gates": [GATE]}
        script = story("ready", plan=plan)
        script.answers["GET changes/42/"] = change("ready", plan_hash="h1", actor="dana.dev")
        out = run(script, "change", "show", "42").stdout
        assert "Who     dana.dev" in out
        assert "loses 3 objects; --choice aws/Bucket//exports=… (retain, purge)" in out
        assert "wait: Needs 1 approval. (lee.lead)" in out

    def test_confirm_sends_the_choices(self) -> None:
        script = story("succeeded")
        words = ("change", "confirm", "42", "--choice", "aws/Bucket//exports=purge")
        assert run(script, *words).exit_code == 0
        sent = next(c for c in script.calls if c.method == "POST")
        assert json.loads(sent.content)["choices"] == {"aws/Bucket//exports": "purge"}

    def test_confirm_need_not_wait(self) -> None:
        result = run(story("waiting"), "change", "confirm", "42", "--no-watch")
        assert "Change 42 is waiting." in result.stdout

    def test_a_choice_without_value_is_wrong_usage(self) -> None:
        result = run(story("ready"), "change", "confirm", "42", "--choice", "x")
        assert result.exit_code == 2

    @pytest.mark.parametrize("verb", ["approve", "reject"])
    def test_answers_name_the_plan(self, verb: str) -> None:
        script = story("waiting", **{f"POST changes/42/{verb}/": change("waiting")})
        result = run(script, "change", verb, "42", "--comment", "seen")
        assert result.exit_code == 0
        assert script.body() == {"plan_hash": "h1", "comment": "seen"}

    def test_an_approval_is_told_and_no_state_from_before_it(self) -> None:
        before = change("waiting", reason="0 of 1 approvals.")
        script = story("waiting", **{"POST changes/42/approve/": before})
        said = run(script, "change", "approve", "42").stdout
        assert "You approved change 42." in said
        assert "Change 42 is waiting" not in said

    def test_refused_approval_says_why(self) -> None:
        refusal = problem(403, "forbidden", "Nobody approves a change of their own.")
        script = story("waiting", **{"POST changes/42/approve/": refusal})
        result = run(script, "change", "approve", "42")
        assert (result.exit_code, "of their own" in result.stderr) == (3, True)

    def test_an_unknown_change_is_4(self) -> None:
        assert run(Script(), "change", "show", "7").exit_code == 4

    def test_a_plan_without_effects_says_so(self) -> None:
        plan = {**PLAN, "plan": {"actions": []}}
        script = story("ready", plan=plan)
        script.answers["GET changes/42/"] = change("ready", plan_hash="h1")
        assert "Nothing to do." in run(script, "change", "show", "42").stdout


class TestEnvironments:
    def test_list_filters(self) -> None:
        row = {"project": "orders", "name": "staging", "tier": "staging", "health": "Healthy"}
        script = Script({"GET environments/": {"results": [row], "next": None}})
        result = run(script, "env", "list", "--project", "orders", "--tier", "staging")
        assert "orders" in result.stdout
        assert dict(script.calls[0].url.params) == {"project": "orders", "tier": "staging"}

    def test_show_prints_workloads_and_outputs(self) -> None:
        found = {"project": "orders", "name": "staging"}
        web = {"name": "web", "image": "x:1", "replicas": 2, "health": "Healthy", "message": ""}
        exports = {"name": "exports", "outputs": {"NAME": "b"}}
        script = Script(
            {
                "GET environments/orders/staging/": found,
                "GET environments/orders/staging/workloads/": {"results": [web]},
                "GET environments/orders/staging/resources/": {"results": [exports]},
            }
        )
        shown = run(script, "env", "show", "orders/staging").stdout
        assert "x:1" in shown
        assert "exports NAME=b" in shown

    def test_create_sends_what_was_said(self) -> None:
        script = story("ready", "succeeded", **{"POST environments/": change("planning")})
        result = run(
            script,
            *("env", "create", "orders/demo", "--blueprint", "web-service@1.0.0", "-y"),
            *("-s", "replicas=2", "-s", "image=nginx:1.27", "--resource", "exports=Bucket"),
            *("--account", "local", "--expires", "2026-12-01"),
        )
        assert result.exit_code == 0, result.output
        assert script.body(0) == {
            "project": "orders",
            "name": "demo",
            "tier": "development",
            "cluster": "local",
            "blueprint": "web-service@1.0.0",
            "parameters": {"replicas": 2, "image": "nginx:1.27"},
            "resources": {"exports": {"kind": "Bucket"}},
            "account": "local",
            "expires_at": "2026-12-01T00:00:00+00:00",
        }

    @pytest.mark.parametrize("verb", ["restart", "stop", "start", "sync"])
    def test_plain_verbs(self, verb: str) -> None:
        address = f"POST environments/orders/staging/{verb}/"
        script = story("ready", "succeeded", **{address: change("planning")})
        assert run(script, "env", verb, "orders/staging", "-y").exit_code == 0

    @pytest.mark.parametrize(
        ("words", "body"),
        [
            (("4",), {"replicas": 4}),
            (("--min", "2", "--max", "6"), {"min_replicas": 2, "max_replicas": 6}),
            (("--max", "6"), {"max_replicas": 6}),
        ],
    )
    def test_scale_sets_a_number_or_an_autoscalers_bounds(
        self, words: tuple[str, ...], body: dict[str, int]
    ) -> None:
        script = scaling("ready", "succeeded")
        assert run(script, "env", "scale", "orders/staging", *words, "-y").exit_code == 0
        assert script.body(0) == {**body, "workload": ""}
        nothing = run(Script(), "env", "scale", "orders/staging", "-y")
        assert nothing.exit_code == 2
        assert "--min and --max" in nothing.output

    def test_logs_ask_for_no_more_than_rest_answers(self) -> None:
        assert env_cli.MAX_TAIL == live.MAX_TAIL
        more = run(Script(), "env", "logs", "orders/staging", "--tail", str(live.MAX_TAIL + 1))
        assert more.exit_code == 2

    def test_set_image_and_extend(self) -> None:
        base = "POST environments/orders/staging/"
        answers = {f"{base}image/": change("planning"), f"{base}extend/": change("planning")}
        script = story("ready", "succeeded", **answers)
        assert run(script, "env", "set-image", "orders/staging", "x:2", "-y").exit_code == 0
        assert script.body(0) == {"image": "x:2", "workload": ""}
        script = story("ready", "succeeded", **answers)
        assert run(script, "env", "extend", "orders/staging", "7d", "-y").exit_code == 0
        assert script.body(0)["expires_at"].endswith("+00:00")

    def test_delete_passes_the_choices_on(self) -> None:
        address = "DELETE environments/orders/staging/"
        script = story("ready", "succeeded", **{address: change("planning")})
        words = ("env", "delete", "orders/staging", "-y", "--choice", "aws/Bucket//exports=retain")
        assert run(script, *words).exit_code == 0
        sent = next(c for c in script.calls if c.url.path.endswith("confirm/"))
        assert json.loads(sent.content)["choices"] == {"aws/Bucket//exports": "retain"}

    def test_logs(self) -> None:
        line = {"at": "2026-11-22T10:00:00Z", "pod": "web-1", "container": "web", "text": "up\x07"}
        script = Script({"GET environments/orders/staging/logs/": {"results": [line]}})
        out = run(script, "env", "logs", "orders/staging", "--tail", "5").stdout
        assert out == "2026-11-22T10:00:00Z web-1/web up\N{REPLACEMENT CHARACTER}\n"

    def test_plan_shows_what_waits(self) -> None:
        script = story("ready", **{"GET changes/": {"results": [change("ready")], "next": None}})
        assert "update Deployment" in run(script, "env", "plan", "orders/staging").stdout
        nothing = story("ready", **{"GET changes/": EMPTY})
        assert run(nothing, "env", "plan", "orders/staging").exit_code == 4

    @pytest.mark.parametrize("where", ["orders", "orders/", "/x", "a/../b", "a/b/c", "a b/c"])
    def test_what_is_no_environment_is_wrong_usage(self, where: str) -> None:
        script = Script()
        assert run(script, "env", "show", where).exit_code == 2
        assert script.calls == []

    @pytest.mark.parametrize(
        "text", ["soon", "7", "d", "7y", "99999999999w", "9999999d", f"{'9' * 5000}d"]
    )
    def test_what_is_no_end_is_wrong_usage(self, text: str) -> None:
        assert run(Script(), "env", "extend", "a/b", text).exit_code == 2

    def test_an_end_without_zone_is_utc(self) -> None:
        assert env_cli.moment("2026-12-01T10:00") == "2026-12-01T10:00:00+00:00"


class TestTokensAndAudit:
    def test_a_token_is_printed_alone_on_standard_output(self) -> None:
        made = {"text": "slp_x_y", "expires_at": "2026-12-22"}
        script = Script({"POST tokens/": made})
        result = run(script, "token", "create", "ci", "--days", "7", "--permission", "change.view")
        assert result.stdout == "slp_x_y\n"
        body = script.body()
        assert body.pop("expires_at")
        assert body == {"name": "ci", "permissions": ["change.view"], "scope": None}

    def test_list_and_revoke(self) -> None:
        rows = [{"id": 7, "prefix": "abcdefghijkl", "name": "ci", "expires_at": "x"}]
        answers = {
            "GET tokens/": {"results": rows, "next": None},
            "DELETE tokens/7/": httpx.Response(204),
        }
        assert "abcdefghijkl" in run(Script(answers), "token", "list").stdout
        assert run(Script(answers), "token", "revoke", "abcdefghijkl").exit_code == 0
        assert run(Script(answers), "token", "revoke", "../x").exit_code == 4

    @pytest.mark.parametrize(
        ("ok", "exit_code", "text"), [(True, 0, "The chain is whole"), (False, 1, "Broken: row 3")]
    )
    def test_verify_tells_by_its_exit_code(self, ok: bool, exit_code: int, text: str) -> None:
        found = {"ok": ok, "checked": 12, "unsealed": 0, "head": "h", "problem": "row 3"}
        result = run(Script({"POST audit/verify/": found}), "audit", "verify")
        assert (result.exit_code, text in result.stdout) == (exit_code, True)

    def test_export_writes_a_file_once(self, tmp_path: Path) -> None:
        answer = httpx.Response(200, text='{"a":1}\n{"a":2}\n')
        script = Script({"GET audit/export.jsonl": answer})
        file = tmp_path / "audit.jsonl"
        assert run(script, "audit", "export", "-o", str(file)).exit_code == 0
        assert file.read_text() == '{"a":1}\n{"a":2}\n'
        again = run(script, "audit", "export", "-o", str(file))
        assert (again.exit_code, "cannot be written" in again.stderr) == (2, True)

    def test_a_refused_export_says_why_and_leaves_no_file(self, tmp_path: Path) -> None:
        script = Script({"GET audit/export.csv": problem(403, "forbidden", "Not yours.")})
        file = tmp_path / "audit.csv"
        words = ("audit", "export", "--format", "csv", "-o", str(file))
        result = run(script, *words)
        assert (result.exit_code, file.exists()) == (3, False)
        assert "Not yours." in result.stderr

    def test_an_unknown_format_is_wrong_usage(self) -> None:
        assert run(Script(), "audit", "export", "--format", "xml").exit_code == 2


def test_pairs_nest_and_keep_types() -> None:
    given = ["a=1", "b.c=true", "b.d=x", "e=[1]", 'f="1"', "g=a=b"]
    assert pairs(given, "--set") == {
        "a": 1,
        "b": {"c": True, "d": "x"},
        "e": [1],
        "f": '"1"',
        "g": "a=b",
    }
