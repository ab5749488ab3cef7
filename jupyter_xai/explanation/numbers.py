"""Numbers as every outlet prints them: U+2212 for minus, commas at thousands, fixed decimals in a column."""

from __future__ import annotations

import math

MINUS = "\u2212"
UNKNOWN = "…"


def whole(value: float) -> str:
    """A count with thousands separated.

    Examples
    --------
    >>> whole(3000)
    '3,000'
    """
    return f"{round(value):,}".replace("-", MINUS)


def fixed(value: float, decimals: int = 3) -> str:
    """Fixed decimals; a value that rounds to zero loses its sign.

    Examples
    --------
    >>> fixed(-0.0571), fixed(-0.0001), fixed(float("nan"))
    ('−0.057', '0.000', '…')
    """
    if not math.isfinite(value):
        return UNKNOWN
    said = f"{value:,.{decimals}f}".replace("-", MINUS)
    return said if any(digit in said for digit in "123456789") else said.replace(MINUS, "")


def signed(value: float, decimals: int = 3) -> str:
    """Always with its sign, as contributions are printed; a value that rounds to zero has none.

    Examples
    --------
    >>> signed(0.1558), signed(-2.0, 1), signed(0.0)
    ('+0.156', '−2.0', '0.000')
    """
    said = fixed(value, decimals)
    return f"+{said}" if value > 0 and any(digit in said for digit in "123456789") else said


def significant(value: float) -> str:
    """Three significant digits, never fewer than the whole part.

    Examples
    --------
    >>> significant(23489.6), significant(0.041234), significant(-1.5), significant(0.0000123)
    ('23,490', '0.0412', '−1.5', '1.23e-5')
    """
    if not math.isfinite(value):
        return UNKNOWN
    size = abs(value)
    if size >= 1000 or 0 < size < 1e-4:
        if 1000 <= size < 1e9:
            return whole(value)
        digits, exponent = f"{value:.2e}".split("e")
        return f"{digits.replace('-', MINUS)}e{int(exponent):+d}"
    if size == 0:
        return "0"
    said = f"{value:,.{max(0, 2 - math.floor(math.log10(size)))}f}".replace("-", MINUS)
    return said.rstrip("0").rstrip(".") if "." in said else said


def prediction(value: float, unit: str) -> str:
    """One prediction in its unit: three decimals for probabilities, and no 0.000 for what is not zero.

    Examples
    --------
    >>> prediction(0.6347, "probability"), prediction(0.0000012, "probability"), prediction(23489.6, "raw")
    ('0.635', '< 0.001', '23,490')
    """
    if unit != "probability":
        return significant(value)
    said = fixed(value)
    return "< 0.001" if value > 0 and said == "0.000" else said


def decimals_for(unit: str, scale: float) -> int:
    """How many decimals contributions need so that a column lines up.

    Examples
    --------
    >>> decimals_for("probability", 0.2), decimals_for("raw", 60000.0), decimals_for("logit", 2.5)
    (3, 0, 2)
    """
    if not scale > 0:
        return 3
    needed = max(0, min(8, 2 - math.floor(math.log10(scale))))
    return 3 if unit == "probability" and scale >= 0.01 else needed


def sum_decimals(unit: str, largest: float, end: float) -> int:
    """How many decimals the sum line needs; tiny probabilities have as many as the weights below them.

    Examples
    --------
    >>> sum_decimals("probability", 0.5, 0.0002), sum_decimals("probability", 0.0004, 0.0000015)
    (3, 8)
    """
    tiny = unit == "probability" and largest < 0.01
    return decimals_for(unit, min(largest, end) if tiny else largest)


def duration(seconds: float) -> str:
    """A span of time, as short as it can be said.

    Examples
    --------
    >>> duration(0.02), duration(0.54), duration(7.2), duration(150), duration(7300)
    ('< 0.1 s', '0.5 s', '7 s', '2 min 30 s', '2 h 1 min')
    """
    if seconds < 0.1:
        return "< 0.1 s"
    if seconds < 1:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{round(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def counted(count: int, plural: str) -> str:
    """A count and its noun.

    Examples
    --------
    >>> counted(1, "words"), counted(1200, "rows")
    ('1 word', '1,200 rows')
    """
    return f"{whole(count)} {plural[:-1] if count == 1 and plural.endswith('s') else plural}"
