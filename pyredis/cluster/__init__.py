"""Decisions about clusters: who has a slot, where a command goes, what its replies come to. Pure."""
