"""What the nodes of a cluster say of it."""
