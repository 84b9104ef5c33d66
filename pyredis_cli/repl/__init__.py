"""The REPL: one module for each thing that a terminal session is made of; the only room with prompt_toolkit."""

from __future__ import annotations
