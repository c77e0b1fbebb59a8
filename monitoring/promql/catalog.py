"""The functions and aggregations that are run, by what they take; all others are refused."""

from __future__ import annotations

AGGREGATIONS = frozenset(
    {
        "sum", "min", "max", "avg", "count", "group", "stddev", "stdvar", "topk", "bottomk",
        "quantile", "count_values",
    }
)  # fmt: skip

# Over the samples of a window.
WINDOWS = frozenset(
    {
        "rate", "irate", "increase", "delta", "idelta", "deriv", "predict_linear", "resets",
        "changes", "sum_over_time", "avg_over_time", "min_over_time", "max_over_time",
        "count_over_time", "stddev_over_time", "stdvar_over_time", "last_over_time",
        "present_over_time", "quantile_over_time", "absent_over_time",
    }
)  # fmt: skip

# Over each value by itself.
MATHS = frozenset(
    {"abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "round"}
    | {"clamp", "clamp_min", "clamp_max"}
)
DATES = frozenset(
    {"minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month"}
    | {"month", "year"}
)
OTHERS = frozenset(
    {"absent", "histogram_quantile", "label_replace", "label_join", "sort", "sort_desc"}
    | {"scalar", "vector", "time", "timestamp"}
)
FUNCTIONS = WINDOWS | MATHS | DATES | OTHERS
