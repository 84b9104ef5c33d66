"""Moments in the notation of ISO 8601."""

from __future__ import annotations

from pyredis_cli.render.units import when

__all__ = ["moment"]


def moment(count: int, per_second: int) -> str:
    """Return the moment in UTC so many units after 1970, with as many digits of a fraction as the unit has."""
    seconds, rest = divmod(count, per_second)
    digits = len(str(per_second)) - 1
    fraction = f".{rest:0{digits}}" if digits else ""
    return when(seconds).replace(" ", "T").replace("Z", f"{fraction}Z")
