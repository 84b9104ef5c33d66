"""pyredis-cli: a terminal client for Redis and Valkey, on top of the ``pyredis`` library."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
