"""What may come next in a typed line. Pure: from text and a table of commands to values."""

from __future__ import annotations

from pyredis_cli.complete.candidates import Candidate, candidates

__all__ = ["Candidate", "candidates"]
