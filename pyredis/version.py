"""The version of the library and of the terminal client, named here and nowhere else; the build reads it."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
