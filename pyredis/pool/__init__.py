"""Pools: which connections there are, who holds them, and which may be handed out."""
