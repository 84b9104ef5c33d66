"""One connection: its handshake and conversation (pure), its socket, and the handle that callers hold."""
