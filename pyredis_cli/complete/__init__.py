"""What may come next in a typed line. Pure: from text, a table of commands and known names to values."""

from __future__ import annotations

from pyredis_cli.complete.candidates import Candidate, Choice, candidates
from pyredis_cli.complete.harvest import harvest
from pyredis_cli.complete.names import Name, NameCache
from pyredis_cli.complete.tokens import tokens
from pyredis_cli.complete.wants import Want, wants

__all__ = [
    "Candidate",
    "Choice",
    "Name",
    "NameCache",
    "Want",
    "candidates",
    "harvest",
    "tokens",
    "wants",
]
