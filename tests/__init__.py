"""The tests. ``servers``, ``proxy``, ``hostile`` and ``terminal`` are the bench they stand on."""
