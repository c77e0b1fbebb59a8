"""The functions over each value by itself, dates among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from monitoring.promql.values import Floats


def rounded(values: Floats, to: Floats) -> Floats:
    inverse = 1.0 / to
    return np.floor(values * inverse + 0.5) / inverse


def clamped(values: Floats, low: Floats, high: Floats) -> Floats:
    return np.maximum(low, np.minimum(high, values))


MATHS: Mapping[str, Callable[..., Floats]] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "floor": np.floor,
    "exp": np.exp,
    "ln": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "sgn": np.sign,
    "round": rounded,
    "clamp": clamped,
    "clamp_min": np.maximum,
    "clamp_max": np.minimum,
}


def _part(values: Floats, big: str, small: str) -> Floats:
    """How many `small` of a moment lie behind the begin of its `big`."""
    moment = values.astype("datetime64[s]")
    apart = moment.astype(f"datetime64[{small}]") - moment.astype(f"datetime64[{big}]")
    out: Floats = apart.astype(f"timedelta64[{small}]").astype(np.float64)
    return out


def _days_in_month(values: Floats) -> Floats:
    month = values.astype("datetime64[s]").astype("datetime64[M]")
    days = (month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")
    out: Floats = days.astype(np.float64)
    return out


def _weekday(values: Floats) -> Floats:
    days = values.astype("datetime64[s]").astype("datetime64[D]").astype(np.int64)
    return ((days + 4) % 7).astype(float)


def _year(values: Floats) -> Floats:
    years = values.astype("datetime64[s]").astype("datetime64[Y]").astype(np.float64)
    return years + 1970.0


_DATES: Mapping[str, Callable[[Floats], Floats]] = {
    "minute": lambda seconds: _part(seconds, "h", "m"),
    "hour": lambda seconds: _part(seconds, "D", "h"),
    "day_of_week": _weekday,
    "day_of_month": lambda seconds: _part(seconds, "M", "D") + 1,
    "day_of_year": lambda seconds: _part(seconds, "Y", "D") + 1,
    "days_in_month": _days_in_month,
    "month": lambda seconds: _part(seconds, "Y", "M") + 1,
    "year": _year,
}


def date(function: str, values: Floats) -> Floats:
    """A part of a moment (UTC) from its seconds; NaN for what is none."""
    known = np.isfinite(values) & (np.abs(values) < 1e14)  # noqa: PLR2004 - past any year
    out = np.full(values.shape, np.nan)
    out[known] = _DATES[function](np.trunc(values[known]).astype(np.int64))
    return out
