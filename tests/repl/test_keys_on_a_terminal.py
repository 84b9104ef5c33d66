"""Somebody at a terminal looks at a key, and at all keys."""

from __future__ import annotations

import re

from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import Server, wait_until


def test_peek_looks_beside_the_session_and_its_key_is_completed(repl: StartRepl, redis82: Server) -> None:
    redis82.command("HSET", "user:7", "name", "Ada")
    screen = repl(redis82)
    ask(screen, "MULTI")
    shown = ask(screen, "peek user:7")
    assert shown.startswith("user:7  hash, 1 field\n")
    assert shown.endswith('1) "name"  "Ada"')
    assert ask(screen, "EXEC") == "(empty array)"
    ask(screen, "GET user:7")
    screen.send("peek us\t")
    screen.wait_until(lambda screen: screen.line.endswith("peek user:7"), what="the key is completed")
    screen.send("\x03")
    screen.wait_until(at_prompt, what="the line is gone")


def test_keys_are_shown_as_a_tree_and_ctrl_c_shows_what_is_known(repl: StartRepl, redis82: Server) -> None:
    redis82.command("MSET", "user:1", "v", "user:2", "v", "cfg", "v")
    screen = repl(redis82)
    shown = ask(screen, ":keys --depth 1")
    assert re.search(r"^all 3 keys looked at in [\d.]+ \w+$", shown, re.MULTILINE)
    assert re.search(r"^user: +2 ", shown, re.MULTILINE)

    redis82.pause()
    screen.send_line(":keys")
    screen.wait_for("Ctrl-C stops")
    screen.send("\x03")
    screen.wait_for("nobody has told yet how many keys there are")
    redis82.resume()
    screen.wait_until(at_prompt, what="the prompt")

    redis82.command("DEBUG", "POPULATE", 200_000, "item")
    redis82.command("CONFIG", "RESETSTAT")
    screen.send_line(":keys --for 60 --count 100000000")
    wait_until(lambda: "cmdstat_scan" in redis82.info("commandstats"), what="it looks")
    redis82.pause()
    screen.send("\x03")
    screen.wait_until(
        lambda screen: re.search(r"stopped: [\d,]+ of 200,003 keys looked at", screen.text) is not None,
        what="what is known is shown",
    )
    redis82.resume()
    screen.wait_until(at_prompt, what="the prompt")
    assert ask(screen, "GET cfg") == '"v"'
