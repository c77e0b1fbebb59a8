"""Masking: every form of a secret, wherever a stream is cut; nothing else changes."""

from __future__ import annotations

import base64
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.running.masking import MASK, Masker

SECRET = "p@ss/w0rd+of=the day"


def masked(text: bytes, *secrets: str, at: tuple[int, ...] = ()) -> bytes:
    masker = Masker(secrets or (SECRET,))
    cuts = (0, *at, len(text))
    parts = [masker.feed(text[a:b]) for a, b in pairwise(cuts)]
    return b"".join([*parts, masker.close()])


@pytest.mark.parametrize("cut", range(1, 25))
def test_across_the_border_of_chunks(cut: int) -> None:
    text = b"a " + SECRET.encode() + b" b"
    assert masked(text, at=(cut,)) == b"a " + MASK + b" b"


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
@pytest.mark.parametrize("after", ["", "x", "xy", "xyz"])
def test_base64_wherever_it_stands(before: str, after: str) -> None:
    text = base64.b64encode((before + SECRET + after).encode())
    for cut in range(len(text)):
        found = masked(text, at=(cut,))
        assert MASK in found
        assert len(found) <= len(text) - 24 + len(MASK) + 4


def test_base64_in_lines_as_the_tool_writes_it() -> None:
    secret = "".join(chr(97 + n * 7 % 26) for n in range(150))
    text = base64.encodebytes(secret.encode())
    assert set(masked(text, secret).split()) == {MASK}


def test_url_encoded() -> None:
    for form in (quote(SECRET, safe=""), quote(SECRET), SECRET.replace(" ", "+")):
        assert masked(b"?token=" + form.encode()).startswith(b"?token=" + MASK) or "+" in form
    assert masked(quote(SECRET, safe="").lower().encode()) == MASK


def test_the_lines_of_a_key_but_not_its_frame() -> None:
    key = "-----BEGIN KEY-----\nabcdefgh12345678\nijklmnop87654321\n-----END KEY-----\n"
    text = b"key: abcdefgh12345678!\n-----BEGIN KEY-----\nx"
    assert masked(text, key) == b"key: " + MASK + b"!\n-----BEGIN KEY-----\nx"


def test_a_beginning_at_the_end_is_masked_and_under_four_bytes_stays() -> None:
    assert masked(b"abc p@ss") == b"abc " + MASK
    assert masked(b"abc p@s") == b"abc p@s"


def test_short_secrets_mask_nothing() -> None:
    assert masked(b"abc on off", "on") == b"abc on off"


def test_the_longer_of_two_that_begin_alike_even_when_it_is_cut() -> None:
    text = b"<token-one-two>"
    for cut in range(len(text)):
        assert masked(text, "token-one", "token-one-two", at=(cut,)) == b"<" + MASK + b">"


def test_without_secrets_nothing_is_held_back() -> None:
    assert Masker([]).feed(b"\xff\x00abc") == b"\xff\x00abc"


@settings(max_examples=200, deadline=None)
@given(
    secrets=st.lists(st.text("abc", min_size=4, max_size=9), min_size=1, max_size=4),
    words=st.lists(st.text("abcd ", max_size=12), max_size=12),
    cuts=st.lists(st.integers(0, 60), max_size=5),
)
def test_no_secret_comes_through_however_it_is_cut(
    secrets: list[str], words: list[str], cuts: list[int]
) -> None:
    text = "".join(word + secrets[n % len(secrets)] for n, word in enumerate(words)).encode()
    at = tuple(sorted(min(cut, len(text)) for cut in cuts))
    found = masked(text, *secrets, at=at)
    assert not any(secret.encode() in found.split(MASK) for secret in secrets)
    assert all(secret.encode() not in part for secret in secrets for part in found.split(MASK))
