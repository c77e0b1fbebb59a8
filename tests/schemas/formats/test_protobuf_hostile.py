"""Hostile Protobuf: each input gets its refusal in bounded time and reads no other file."""

from __future__ import annotations

import base64
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from schemas.formats.base import MAX_TEXT, Dependency, InvalidSchema, TooComplex
from schemas.formats.protobuf import PROTOBUF, compiler
from schemas.formats.protobuf.compiler import WORKER_PROCESS, Worker
from schemas.formats.protobuf.schema import Store
from schemas.formats.protobuf.source import MAX_DEPENDENCIES, Source

OPTION = (
    'import "google/protobuf/descriptor.proto"; message O { optional O a = 1; }'
    " extend google.protobuf.FileOptions { optional O o = 50000; } option (o) = "
)
FAULTS = {
    "syntax": ('syntax = "proto3";\nmessage A {\n  int32 x = 1\n}', "4:1"),
    "unknown type": ('syntax = "proto3";\nmessage A { Foo x = 1; }', "2:13"),
    "number twice": ('syntax = "proto3";\nmessage A { int32 x = 1; int32 y = 1; }', "2:36"),
    "reserved number": ('syntax = "proto3";\nmessage A { reserved 1; int32 x = 1; }', "2:22"),
    "reserved name": ('syntax = "proto3";\nmessage A { reserved "x"; int32 x = 1; }', "2:33"),
    "number zero": ('syntax = "proto3";\nmessage A { int32 x = 0; }', "2:23"),
    "number of the runtime": ('syntax = "proto3";\nmessage A { int32 x = 19500; }', "/"),
    "name twice": ('syntax = "proto3";\nmessage A { int32 x = 1; int32 x = 2; }', "2:32"),
    "JSON name twice": ('syntax = "proto3"; message A { int32 a_b = 1; int32 aB = 2; }', "1:53"),
    "open enum without zero": ('syntax = "proto3"; enum E { A = 1; }', "1:33"),
    "required in proto3": ('syntax = "proto3"; message A { required int32 x = 1; }', "1:41"),
    "unknown option": ('syntax = "proto3"; option nope = 1;', "1:27"),
    "unknown syntax": ('syntax = "proto9"; message A {}', "1:10"),
    "deep messages": ("message A {" * 5000 + "}" * 5000, "1:342"),
    "open braces of an option": ("message A { optional int32 a = 1 [" + "a={" * 50_000, "1"),
    "a zero byte": ("message A\0 {}", "1"),
    "a word": ("hello", "/"),
    "base64 of nothing": ("AAAA", "/"),
    "base64 of noise": (base64.b64encode(b"\xff" * 300).decode(), "/"),
    "half a character": ("message A {} // \ud800", "/"),
    "nothing": (" \n", "/"),
    "an unknown import": ('import "no.proto"; message A { optional X x = 1; }', "no.proto"),
    "an absolute import": ('import "/etc/passwd"; message A {}', "/etc/passwd"),
    "an import of itself": ('import "__main__.proto"; message A {}', "1:1"),
    "a file of the server's packages": ('import "google/rpc/status.proto";', "google/rpc"),
    "a very long name": ("message " + "A" * 900_000 + " {}", "1:9"),
}


def refused(text: str, dependencies: list[Dependency] | None = None) -> InvalidSchema:
    started = time.monotonic()
    with pytest.raises(InvalidSchema) as caught:
        PROTOBUF.parse(text, dependencies or [])
    assert time.monotonic() - started < 8
    assert "/tmp" not in str(caught.value)  # noqa: S108 - looked for, not written
    assert "site-packages" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("name", [*FAULTS])
def test_faults_have_their_place(name: str) -> None:
    text, place = FAULTS[name]
    error = refused(text)
    assert error.errors[0].field.startswith(place), error.errors[0]
    assert error.errors[0].field in error.message


def test_every_fault_is_told() -> None:
    error = refused('syntax = "proto3"; message A { X a = 1; Y b = 2; }')
    assert [found.field for found in error.errors] == ["1:32", "1:41"]


@pytest.mark.parametrize(
    "path",
    ["../secret.proto", "a/../../secret.proto", "./secret.proto", "a//secret.proto", "..\\s.proto"],
)
def test_imports_never_leave_what_was_given(path: str, tmp_path: Path) -> None:
    escaped = path.replace("\\", "\\\\")
    for text in (f'import "{escaped}"; message A {{}}', f'import weak "{escaped}";'):
        assert "message" not in refused(text).errors[0].field
    file = descriptor_pb2.FileDescriptorProto(dependency=[path])
    refused(packed(file))


@pytest.mark.parametrize(
    "name",
    [
        "../a.proto",
        "/etc/a.proto",
        "a/../b.proto",
        "a//b",
        "",
        ".",
        "a\0b",
        "a\nb",
        "a b",
        "-I/",
        "é.proto",
        "a" * 600,
        "__main__.proto",
        "dir/__main__.proto",
    ],
)
def test_names_of_references_are_paths_below_the_root(name: str) -> None:
    error = refused("message A {}", [Dependency(name, "message B {}")])
    assert error.errors[0].rule == "import"


def test_a_reference_named_as_anothers_folder() -> None:
    given = [Dependency("a", "message B {}"), Dependency("a/b", "message C {}")]
    assert refused("message A {}", given).errors[0].rule == "import"


def test_references_that_import_each_other() -> None:
    given = [Dependency("a.proto", 'import "b.proto";'), Dependency("b.proto", 'import "a.proto";')]
    assert "recursively" in refused('import "a.proto";', given).message


def test_a_fault_in_a_reference_names_it() -> None:
    error = refused('import "b.proto";', [Dependency("b.proto", "message B { nope }")])
    assert error.errors[0].field.startswith("b.proto:1:")


def packed(file: descriptor_pb2.FileDescriptorProto) -> str:
    return base64.b64encode(file.SerializeToString()).decode()


def file_with(change: Callable[[descriptor_pb2.FileDescriptorProto], object]) -> str:
    file = descriptor_pb2.FileDescriptorProto(name="x")
    file.message_type.add(name="A")
    change(file)
    return packed(file)


DESCRIPTORS: dict[str, Callable[[descriptor_pb2.FileDescriptorProto], object]] = {
    "package": lambda file: setattr(file, "package", 'a; import "/etc/passwd"'),
    "message": lambda file: setattr(file.message_type[0], "name", "A {} message B"),
    "syntax": lambda file: setattr(file, "syntax", 'proto3"; x'),
    "import": lambda file: file.dependency.append('a"; import "b'),
    "field": lambda file: file.message_type[0].field.add(
        name="x = 2; q", number=1, type=5, label=1
    ),
    "default": lambda file: file.message_type[0].field.add(
        name="x", number=1, type=5, label=1, default_value="1]; } message X {"
    ),
    "type": lambda file: file.message_type[0].field.add(
        name="x", number=1, type=11, label=1, type_name=".Nope"
    ),
    "itself as a group": lambda file: file.message_type[0].field.add(
        name="g", number=1, type=10, label=1, type_name=".A"
    ),
    "edition": lambda file: file.MergeFrom(
        descriptor_pb2.FileDescriptorProto(syntax="editions", edition=99_999)
    ),
    "reserved and used": lambda file: file.message_type[0].MergeFrom(
        descriptor_pb2.DescriptorProto(
            reserved_range=[{"start": 1, "end": 2}],
            field=[{"name": "x", "number": 1, "type": 5, "label": 1}],
        )
    ),
}


@pytest.mark.parametrize("name", [*DESCRIPTORS])
def test_descriptors_that_no_text_gives(name: str) -> None:
    refused(file_with(DESCRIPTORS[name]))


def test_words_of_a_descriptor_stay_words() -> None:
    def change(file: descriptor_pb2.FileDescriptorProto) -> None:
        message = file.message_type[0]
        message.reserved_name.append('a"; } message X {')
        message.field.add(
            name="b", number=1, type=12, label=1, default_value='1"]; } message Y { //'
        )
        message.field.add(name="s", number=2, type=9, label=1, default_value='"]; } message Z {\n')

    parsed = PROTOBUF.parse(file_with(change))
    assert [message.name for message in parsed.file.message_type] == ["A"]


def test_nesting_of_a_descriptor_is_bounded() -> None:
    def change(file: descriptor_pb2.FileDescriptorProto, depth: int) -> None:
        message = file.message_type[0]
        for _ in range(depth):
            message = message.nested_type.add(name="N")

    for depth in (40, 95, 150):
        refused(file_with(lambda file, depth=depth: change(file, depth)))


@pytest.mark.parametrize(
    "text",
    [
        "//" + "x" * MAX_TEXT,
        OPTION + "{" + "a {" * 100_000 + "}" * 100_001 + ";",
        "message E { extensions "
        + ",".join(map(str, range(1, 60_000)))
        + ' [declaration = { number: 1 full_name: ".'
        + "x" * 300_000
        + '" type: ".x" }]; }',
    ],
    ids=["longer than any schema", "an option as deep as the stack", "options times ranges"],
)
def test_what_exhausts_the_compiler_is_too_complex(text: str) -> None:
    started = time.monotonic()
    with pytest.raises(TooComplex):
        PROTOBUF.parse(text)
    assert time.monotonic() - started < 8
    assert PROTOBUF.parse("message StillThere {}").name == "StillThere"


def test_more_references_than_any_schema_has() -> None:
    with pytest.raises(TooComplex):
        PROTOBUF.parse("message A {}", [Dependency("a", "")] * (MAX_DEPENDENCIES + 1))
    with pytest.raises(TooComplex):
        PROTOBUF.parse("message A {}", [Dependency(f"d{at}", "x" * 999_999) for at in range(5)])


def test_an_enum_as_long_as_a_schema_may_be() -> None:
    constants = "".join(f"V{at}={at};" for at in range(60_000))
    started = time.monotonic()
    parsed = PROTOBUF.parse(f"enum E {{ {constants} }}")
    assert not PROTOBUF.differences(parsed, parsed)
    assert time.monotonic() - started < 8


def test_a_run_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "hang.py"
    script.write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(compiler, "WORKER", script)
    monkeypatch.setattr(compiler, "DEADLINE", 0.3)
    worker = Worker()
    with pytest.raises(TooComplex, match="longer than"):
        worker.run(["protoc"], str(tmp_path))
    assert worker._process is None


def test_a_worker_that_ends_is_replaced_and_then_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert PROTOBUF.parse("message BeforeTheEnd {}").name
    process = WORKER_PROCESS._process
    assert process is not None
    process.kill()
    process.wait()
    assert PROTOBUF.parse("message AfterTheEnd {}").name
    script = tmp_path / "ends.py"
    script.write_text("")
    monkeypatch.setattr(compiler, "WORKER", script)
    with pytest.raises(TooComplex, match="ends before"):
        Worker().run(["protoc"], str(tmp_path))


def test_a_busy_compiler_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "WAIT", 0.05)
    worker = Worker()
    with worker._lock, pytest.raises(TooComplex, match="busy"):
        worker.run(["protoc"], "/")


def test_a_fork_starts_a_compiler_of_its_own() -> None:
    assert PROTOBUF.parse("message Parent {}").name
    child = os.fork()
    if child == 0:
        fine = False
        try:
            fine = WORKER_PROCESS._process is None and bool(PROTOBUF.parse("message Child {}").name)
            WORKER_PROCESS.end()
        finally:
            os._exit(0 if fine else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert PROTOBUF.parse("message ParentAgain {}").name


def test_threads_share_the_compiler() -> None:
    found: list[str] = []
    threads = [
        threading.Thread(
            target=lambda at=at: found.append(PROTOBUF.parse(f"message Thread{at} {{}}").name)
        )
        for at in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [f"Thread{at}" for at in range(8)]


def test_the_store_is_bounded() -> None:
    parsed = PROTOBUF.parse("message Kept {}")
    store = Store(characters=3_500)
    for at in range(10):
        store.put(Source("m", str(at)), [], parsed)
    kept = [at for at in range(10) if store.get(Source("m", str(at)), [])]
    assert kept == [7, 8, 9]
    store.put(Source("m", "9"), [], parsed)
    assert store.get(Source("m", "7"), []) is parsed


def test_nothing_is_left_on_the_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    PROTOBUF.parse("message Clean {}")
    refused("message Unclean {")
    assert not [*tmp_path.iterdir()]
