"""What may come next in a typed line. Pure: from the text and a table of commands to a list of candidates."""

from __future__ import annotations

from pyredis_cli.complete.candidates import Candidate, candidates

__all__ = ["Candidate", "candidates"]
