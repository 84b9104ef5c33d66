"""What callers hold while they talk to one or several servers."""
