"""Commands to ask both programs: ``*.txt``, one command a line, in the quotes that redis-cli reads."""

from __future__ import annotations

from pathlib import Path

__all__ = ["commands"]


def commands(name: str) -> list[bytes]:
    """Return the commands of a file, without its comments."""
    lines = (Path(__file__).parent / f"{name}.txt").read_bytes().splitlines()
    return [line for line in lines if line and not line.startswith(b"#")]
