"""Samples with everything that makes PromQL hard: resets, gaps, ends, NaN, odd labels. Made once
by a fixed seed, for ours and for a real Prometheus alike."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from monitoring.promql.values import STALE, Floats, Ints, Series, labels_of

SECOND = 1000
START = 1_760_000_400 * SECOND  # begins no minute: nothing may be right by luck
END = START + 2 * 3600 * SECOND
EVERY = 15 * SECOND
BOUNDS = ("0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "+Inf")


def series() -> list[Series]:
    """All series, by the same numbers each time."""
    random = np.random.default_rng(2026)
    return [*_counters(random), *_gauges(random), *_odd(random), *_histograms(random)]


def _times(random: np.random.Generator, every: int = EVERY) -> Ints:
    base = np.arange(START, END, every, dtype=np.int64)
    return base + random.integers(0, 900, len(base))


def _made(name: str, times: Ints, values: Floats, **labels: str) -> Series:
    return Series(labels_of({"__name__": name, **labels}.items()), times, values.astype(float))


def _counters(random: np.random.Generator) -> Iterator[Series]:
    for job in ("api", "web"):
        for instance in ("a:80", "b:80", "c:80"):
            for code in ("200", "404", "500"):
                times = _times(random)
                values = random.poisson(5, len(times)).cumsum().astype(float)
                for at in random.choice(len(times), 3, replace=False):  # it began anew
                    values[at:] -= values[at] - random.integers(0, 3)
                yield _made(
                    "http_requests_total", times, np.maximum(values, 0),
                    job=job, instance=instance, code=code,
                )  # fmt: skip
    times = _times(random)
    yield _made("steady_total", times, np.arange(len(times)) * 10.0)
    yield _made("idle_total", times, np.full(len(times), 42.0))
    slow = _times(random, 300 * SECOND)
    yield _made("slow_total", slow, np.arange(len(slow)) * 3.0, job="batch")


def _gauges(random: np.random.Generator) -> Iterator[Series]:
    for instance in ("a:80", "b:80", "c:80"):
        for job in ("api", "web"):
            times = _times(random)
            walk = random.normal(0, 4, len(times)).cumsum() + 20
            yield _made("temperature", times, walk, instance=instance, job=job)
        times = _times(random)
        yield _made("memory_bytes", times, random.uniform(1e9, 4e9, len(times)), instance=instance)
        yield _made("limit_bytes", times, np.full(len(times), 3e9), instance=instance)
    for name in ("a:80", "b:80"):
        times = _times(random)
        version = "1.2" if name == "a:80" else "1.3"
        yield _made("build_info", times, np.ones(len(times)), instance=name, version=version)
    times = _times(random)
    yield _made("moment_seconds", times, random.uniform(0, 4e9, len(times)), kind="any")
    yield _made("moment_seconds", times, random.uniform(-1e9, 0, len(times)), kind="before")
    yield _made("whole", times, random.integers(-3, 4, len(times)).astype(float), kind="small")
    yield _made("whole", times, random.integers(0, 3, len(times)).astype(float), kind="few")


def _odd(random: np.random.Generator) -> Iterator[Series]:
    times = _times(random)
    gap = (times < START + 1_800_000) | (times > START + 3_900_000)
    values = random.normal(10, 2, len(times))
    yield _made("gappy", times[gap], values[gap], kind="gap")
    ended = values.copy()
    ended[200:260] = STALE
    ended[400] = STALE
    yield _made("gappy", times, ended, kind="ended")
    yield _made("gappy", times[:120], np.append(values[:119], STALE), kind="gone")
    numbers = random.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, 1e-300, 1e300], len(times))
    yield _made("odd", times, numbers, kind="mixed")
    yield _made("odd", times, np.full(len(times), np.nan), kind="nan")
    yield _made("odd", times, np.full(len(times), np.inf), kind="inf")
    yield _made(
        "odd", times, np.where(random.uniform(size=len(times)) < 0.3, np.nan, 7.0), kind="some"
    )
    yield _made("large", times, 1e16 + random.integers(0, 9, len(times)) * 2.0)
    for kind, text in (("quote", 'a"b'), ("line", "a\nb"), ("slash", "a\\b"), ("wide", "schön ✓")):
        yield _made("labelled", times, np.full(len(times), float(len(text))), kind=kind, text=text)
    yield _made("labelled", times, np.full(len(times), 9.0), kind="none")


def _histograms(random: np.random.Generator) -> Iterator[Series]:
    for job in ("api", "web"):
        times = _times(random)
        counts = np.cumsum(random.poisson(3, (len(times), len(BOUNDS))), axis=0).cumsum(axis=1)
        for at, bound in enumerate(BOUNDS):
            yield _made(
                "latency_seconds_bucket", times, counts[:, at].astype(float), job=job, le=bound
            )
        yield _made("latency_seconds_count", times, counts[:, -1].astype(float), job=job)
        yield _made("latency_seconds_sum", times, counts[:, -1] * 0.4, job=job)
    times = _times(random)
    yield _made("lame_bucket", times, np.full(len(times), 3.0), le="1")
    yield _made("lame_bucket", times, np.full(len(times), 5.0), le="2")
    yield _made("empty_bucket", times, np.zeros(len(times)), le="1")
    yield _made("empty_bucket", times, np.zeros(len(times)), le="+Inf")
    yield _made("falling_bucket", times, np.full(len(times), 9.0), le="1")
    yield _made("falling_bucket", times, np.full(len(times), 7.0), le="2")
    yield _made("falling_bucket", times, np.full(len(times), 11.0), le="+Inf")
    yield _made("bad_bucket", times, np.full(len(times), 1.0), le="much")
    yield _made("minus_bucket", times, np.full(len(times), 4.0), le="-1")
    yield _made("minus_bucket", times, np.full(len(times), 8.0), le="+Inf")
