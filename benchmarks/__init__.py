"""Programs that measure the library and the terminal client beside others, and print ratios."""
