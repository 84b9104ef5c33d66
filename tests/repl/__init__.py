"""Tests of the REPL: its pure parts, and the whole of it on a real pseudo-terminal."""
