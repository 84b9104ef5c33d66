"""pyredis-cli: a terminal client for Redis and Valkey, on top of the ``pyredis`` library."""

from __future__ import annotations

from pyredis.version import __version__

__all__ = ["__version__"]
