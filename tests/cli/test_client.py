import json
from collections.abc import Callable

import httpx
import pytest

from idp.cli import arguments
from idp.cli.config import Config
from tests.support.console import TOKEN, URL, Script, problem, run


def change_list(answer: object) -> Script:
    return Script({"GET changes/": answer})


def test_the_token_goes_along_and_parameters_that_are_missing_do_not() -> None:
    script = change_list({"results": [], "next": None})
    assert run(script, "change", "list").exit_code == 0
    (call,) = script.calls
    assert str(call.url) == f"{URL}/api/v1/changes/"
    assert call.headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (400, "malformed", 1),
        (401, "not_signed_in", 3),
        (403, "forbidden", 3),
        (404, "not_found", 4),
        (409, "refused", 3),
        (409, "conflict", 1),
        (412, "precondition_failed", 1),
        (422, "invalid", 1),
        (500, "error", 1),
        (502, "backend", 5),
        (503, "unavailable", 5),
    ],
)
def test_a_problem_decides_the_exit_code(status: int, code: str, exit_code: int) -> None:
    result = run(change_list(problem(status, code, "It is so.")), "change", "list")
    assert result.exit_code == exit_code
    assert "Error: It is so." in result.stderr
    assert result.stdout == ""


def test_a_problem_s_fields_and_fixes_are_printed() -> None:
    errors = [{"field": "name", "rule": "r", "message": "Reserved.", "fix": "Choose another."}]
    answer = problem(422, "invalid", "name: Reserved.", fix="Look below.", errors=errors)
    lines = run(change_list(answer), "change", "list").stderr.splitlines()
    assert lines == ["Error: name: Reserved.", "  Look below.", "  name: Reserved. Choose another."]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (httpx.ConnectError("refused"), "cannot be reached: refused."),
        (httpx.ReadTimeout("slow"), "did not answer within 30 s."),
        (httpx.Response(302, headers={"Location": "https://other"}), "sends elsewhere"),
        (httpx.Response(200, text="<html>"), "does not answer like Slipway."),
    ],
)
def test_what_does_not_answer_like_slipway_is_5(error: object, text: str) -> None:
    result = run(change_list(error), "change", "list")
    assert result.exit_code == 5
    assert text in result.stderr


def test_an_error_that_is_no_problem_is_told_by_its_status() -> None:
    result = run(change_list(httpx.Response(500, text="<html>")), "change", "list")
    assert "Error: 500 Internal Server Error" in result.stderr


def test_who_is_not_signed_in_is_told_how() -> None:
    result = run(Script(), "change", "list", config=Config())
    assert result.exit_code == 2
    assert "slipway login URL" in result.stderr


def test_another_address_does_not_get_the_token() -> None:
    script = change_list({"results": [], "next": None})
    run(script, "--url", "https://other.test", "change", "list")
    assert "Authorization" not in script.calls[0].headers
    assert script.calls[0].url.host == "other.test"


def test_pages_are_followed_on_our_own_address_up_to_the_limit() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        rows = [{"id": n, "state": "s", "title": "t"} for n in range(2)]
        following = "https://evil.test/api/v1/changes/?cursor=abc"
        return httpx.Response(200, json={"results": rows, "next": following})

    script = Script()
    script.handle = answer  # type: ignore[method-assign]
    result = run(script, "change", "list", "--limit", "3", "--json")
    assert len(json.loads(result.stdout)) == 3
    assert seen == [f"{URL}/api/v1/changes/", f"{URL}/api/v1/changes/?cursor=abc"]


def test_json_may_stand_anywhere() -> None:
    assert arguments(["env", "list", "--json"]) == ["--json", "env", "list"]
    assert arguments(["x", "--", "--json"]) == ["x", "--", "--json"]
    assert arguments(["x"]) == ["x"]


def test_what_others_wrote_cannot_steer_the_terminal() -> None:
    row = {"id": 1, "state": "ready", "scope": "a/b", "title": "\x1b[2Jx [red]y[/]", "actor": "d"}
    result = run(change_list({"results": [row], "next": None}), "change", "list")
    assert "\x1b[2J" not in result.stdout
    assert "[red]y[/]" in result.stdout


def test_empty_lists_say_so_beside_the_result() -> None:
    result = run(change_list({"results": [], "next": None}), "change", "list")
    assert result.stdout == ""
    assert "no changes" in result.stderr


@pytest.mark.parametrize(
    "words",
    [["nonsense"], ["change", "show", "x"], ["change", "show"], ["env", "scale", "a/b", "-1"]],
)
def test_wrong_usage_is_2(words: list[str]) -> None:
    assert run(Script(), *words).exit_code == 2


def test_every_write_carries_its_own_idempotency_key() -> None:
    script = Script({"POST changes/1/cancel/": {"id": 1, "state": "cancelled", "reason": ""}})
    run(script, "change", "cancel", "1")
    run(script, "change", "cancel", "1")
    first, second = (call.headers["Idempotency-Key"] for call in script.calls)
    assert first != second


def test_the_version_needs_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(500)  # noqa: E731
    script = Script()
    script.handle = refuse  # type: ignore[method-assign]
    assert run(script, "version", config=Config()).exit_code == 0
