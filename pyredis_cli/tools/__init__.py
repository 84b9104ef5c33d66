"""The program's own tools, one module each; none knows another."""
