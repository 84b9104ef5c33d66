"""What happens between a typed line and a rendered reply, the same for the REPL and for scripts."""
