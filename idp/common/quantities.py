"""Kubernetes resource quantities (apimachinery `resource.Quantity`): text to numbers and back."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from idp.common.errors import FieldError, Invalid

_FORM = re.compile(r"(\d{1,19}(?:\.\d{1,9})?)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?")
_FACTORS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTP", start=1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTP", start=1)},
}
_MAX = Decimal(2) ** 60


def _number(value: str | float, field: str, example: str) -> Decimal:
    text = str(value).strip()
    match = _FORM.fullmatch(text)
    amount = Decimal(match[1]) * _FACTORS[match[2] or ""] if match else _MAX + 1
    if amount > _MAX:
        message = f"“{text[:40]}” is not an amount."
        fix = f"Write it like {example}."
        raise Invalid(message, fix=fix, errors=[FieldError(field, "quantity", message, fix)])
    return amount


def cpu(value: str | float, *, field: str = "cpu") -> Decimal:
    """Cores: "250m" → 0.25, 2 → 2. Raises `Invalid` that names `field`."""
    return _number(value, field, "250m or 2")


def memory(value: str | float, *, field: str = "memory") -> int:
    """Bytes: "1Gi" → 1073741824, "500M" → 500000000. Raises `Invalid` that names `field`."""
    return int(_number(value, field, "256Mi or 1Gi"))


def cpu_text(cores: Decimal | float) -> str:
    """The shortest form: whole cores as a number, else millicores (rounded up)."""
    amount = Decimal(str(cores))
    if amount == amount.to_integral_value():
        return str(int(amount))
    return f"{math.ceil(amount * 1000)}m"


def memory_text(size: int) -> str:
    """The largest binary unit that divides it without a rest, else bytes."""
    for power, letter in reversed([*enumerate("KMGTP", start=1)]):
        unit = 1024**power
        if size and size % unit == 0:
            return f"{size // unit}{letter}i"
    return str(size)
