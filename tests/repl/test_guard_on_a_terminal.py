"""The guard at the prompt: what it says before it asks, what counts as a yes, and what is never asked about."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import MakeTerminal
from tests.program import PROGRAM
from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import Server
from tests.terminal import Terminal

QUESTION = "Go on? [y/N]"


def asked(terminal: Terminal, line: str, question: str = QUESTION) -> None:
    """Type a line and wait until the person is asked."""
    terminal.send_line(line)
    terminal.wait_until(lambda screen: screen.line.startswith(question), what=f"the question after {line}")


def answered(terminal: Terminal, *keys: str) -> str:
    """Answer the question; return what was printed since it was asked."""
    before = terminal.text.count(QUESTION)
    for key in keys:
        terminal.send_key(key) if key.startswith("c-") or key == "enter" else terminal.send(key)
    terminal.wait_until(
        lambda screen: at_prompt(screen) and screen.text.count(QUESTION) == before, what="the prompt"
    )
    return terminal.text.rpartition(QUESTION)[2]


def fill(server: Server, number: int = 3) -> None:
    server.command("EVAL", f"for i = 1, {number} do redis.call('SET', 'k' .. i, i) end", 0)


def test_flushall_is_told_with_numbers_and_sent_after_a_yes(repl: StartRepl, server: Server) -> None:
    fill(server)
    screen = repl(server)
    asked(screen, "FLUSHALL")
    said = " ".join(screen.text.split())
    assert re.search(
        r"FLUSHALL deletes every key of every database: 3 keys in 1 database, \d.*; "
        r"(last save .* ago|never saved since it started), [\d,]+ change",
        said,
    )
    assert server.command("DBSIZE") == 3
    assert "OK" in answered(screen, "y", "enter")
    assert server.command("DBSIZE") == 0


def test_all_else_is_a_no(repl: StartRepl, redis82: Server) -> None:
    fill(redis82)
    screen = repl(redis82)
    for keys in (("enter",), ("n", "enter"), ("c-c",), ("c-d",), ("x", "y", "enter")):
        asked(screen, "FLUSHALL")
        assert "not sent" in answered(screen, *keys)
    asked(screen, ":all FLUSHALL")
    assert "not sent" in answered(screen, "enter")
    assert redis82.command("DBSIZE") == 3


def test_what_is_typed_ahead_of_the_question_is_no_answer(repl: StartRepl, redis82: Server) -> None:
    fill(redis82)
    screen = repl(redis82)
    redis82.pause()
    screen.send("FLUSHALL\ry\ry\r")
    redis82.resume()
    screen.wait_for(QUESTION)
    assert "not sent" in answered(screen, "enter")
    screen.wait_for("typed ahead")
    assert redis82.command("DBSIZE") == 3


def test_a_count_in_front_is_one_question_and_a_transaction_asks_when_it_is_queued(
    repl: StartRepl, redis82: Server
) -> None:
    fill(redis82)
    screen = repl(redis82)
    asked(screen, "3 FLUSHDB")
    assert "3 times" in screen.text
    assert answered(screen, "y", "enter").count("OK") == 3
    fill(redis82)
    ask(screen, "MULTI")
    asked(screen, "FLUSHDB")
    screen.send_key("enter")
    screen.wait_for("not sent")
    assert ask(screen, "EXEC") == "(empty array)"
    assert redis82.command("DBSIZE") == 3


def test_a_queued_select_is_where_the_next_commands_are_measured(repl: StartRepl, redis82: Server) -> None:
    fill(redis82)
    redis82.command("EVAL", "redis.call('SELECT', 5) redis.call('MSET', 'a', 1, 'b', 2)", 0)
    screen = repl(redis82)
    for line in ("SELECT 7", "MULTI", "SELECT 5"):
        ask(screen, line)
    asked(screen, "FLUSHDB")
    assert "2 keys in database 5" in " ".join(screen.text.split())
    assert "QUEUED" in answered(screen, "y", "enter")
    ask(screen, "EXEC")
    assert redis82.info("keyspace").keys() == {"db0"}
    screen.paste("MULTI\nSELECT 0\nFLUSHDB\nEXEC")
    screen.send_key("enter")
    screen.wait_for("Run these 4 commands? [y/N]")
    screen.send("y")
    screen.wait_until(lambda shown: shown.line.startswith(QUESTION), what="the question")
    assert "line 3: FLUSHDB deletes every key of the database: 3 keys in database 0" in screen.text
    answered(screen, "y", "enter")
    assert redis82.command("DBSIZE") == 0


def test_with_undo_the_question_says_what_cannot_be_undone(repl: StartRepl, redis82: Server) -> None:
    fill(redis82)
    screen = repl(redis82)
    ask(screen, ":set undo on")
    asked(screen, "FLUSHALL")
    assert ":undo cannot bring it back" in " ".join(screen.text.split())
    answered(screen, "enter")
    asked(screen, f"DEL {' '.join(f'k{number}' for number in range(100))}")
    assert ":undo" not in screen.text.rpartition("deletes 100 keys")[2]


def test_a_huge_value_is_measured_before_it_is_read(repl: StartRepl, redis82: Server, tmp_path: Path) -> None:
    kept = tmp_path / "members"
    kept.write_text("of yesterday")
    redis82.command("EVAL", "for i = 1, 250000 do redis.call('SADD', 'big', i) end", 0)
    redis82.command("SADD", "small", "1")
    screen = repl(redis82)
    assert "1" in ask(screen, "SMEMBERS small")
    for line in ("SMEMBERS big", f"SMEMBERS big > {kept}"):
        asked(screen, line)
        assert "SMEMBERS works on all 250,000 members of big" in screen.text
        answered(screen, "enter")
    assert kept.read_text() == "of yesterday"
    assert "cmdstat_smembers:calls=1," in redis82.command("INFO", "commandstats").decode()


def test_confirm_off_asks_no_more(repl: StartRepl, redis82: Server) -> None:
    fill(redis82)
    screen = repl(redis82)
    assert ask(screen, ":set confirm off") == "confirm off"
    assert ask(screen, "FLUSHALL") == "OK"


@pytest.mark.parametrize(("flag", "sent"), [("--yes=flushall", True), ("--no-input", False)])
def test_flags_answer_for_the_person(repl: StartRepl, redis82: Server, flag: str, sent: bool) -> None:
    fill(redis82)
    screen = repl(redis82, flag)
    said = ask(screen, "FLUSHALL")
    assert ("OK" in said) is sent
    assert ("--yes=FLUSHALL allows it" in " ".join(said.split())) is not sent


def test_ordinary_work_is_never_asked_about(repl: StartRepl, redis82: Server) -> None:
    fill(redis82)
    screen = repl(redis82)
    for line in (
        "DEL k1",
        "EXPIRE k2 100",
        "RENAME k2 k4",
        "SREM s m",
        "KEYS *",
        "CONFIG SET hz 12",
        "GET k3",
    ):
        ask(screen, line)
    assert "dangerous" not in screen.text
    assert "[y/N]" not in screen.text


def test_a_paste_is_looked_at_whole_and_asked_about_once(repl: StartRepl, redis82: Server) -> None:
    fill(redis82)
    screen = repl(redis82)
    screen.paste("# seed\nSET a 1\nFLUSHALL\nSET b 2\nSCRIPT FLUSH\n:all FLUSHALL")
    screen.send_key("enter")
    screen.wait_for("Run these 5 commands? [y/N]")
    screen.send("y")
    screen.wait_for(QUESTION)
    assert "3 of 5 commands are dangerous:" in screen.text
    assert "line 3: FLUSHALL deletes" in screen.text
    assert "line 5: SCRIPT FLUSH forgets every cached script: 1 script" in screen.text
    assert "line 6: FLUSHALL deletes" in screen.text
    assert redis82.command("EXISTS", "a") == 0
    answered(screen, "enter")
    assert "not sent, none of them" in screen.text
    assert redis82.command("DBSIZE") == 3
    screen.send_key("up")
    screen.paste("\nSET c 3\nFLUSHALL")
    screen.send_key("enter")
    screen.wait_for(re.compile(r"Run these \d+ commands"))
    screen.send("y")
    screen.wait_until(lambda shown: shown.line.startswith(QUESTION), what="the second question")
    assert answered(screen, "y", "enter").count("OK") >= 2
    assert redis82.command("DBSIZE") == 0


def test_a_file_is_looked_at_with_the_files_it_sources(
    repl: StartRepl, redis82: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fill(redis82)
    Path("outer.redis").write_text("SET a 1\n:source inner.redis\n:source outer.redis\n:source nosuch\n")
    Path("inner.redis").write_text("# first\nFLUSHALL\n")
    screen = repl(redis82)
    asked(screen, ":source outer.redis")
    assert "1 of 2 commands is dangerous:" in screen.text
    assert "inner.redis:2: FLUSHALL deletes" in screen.text
    answered(screen, "n", "enter")
    assert redis82.command("EXISTS", "a") == 0
    asked(screen, ":source outer.redis")
    answered(screen, "y", "enter")
    assert screen.text.count(QUESTION) == 2
    assert redis82.command("DBSIZE") == 0


def test_a_file_that_changes_after_the_question_is_asked_about_again(
    repl: StartRepl, redis82: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fill(redis82)
    file = Path("seed.redis")
    file.write_text("SCRIPT FLUSH\nBLPOP q 0\nSET a 1\n")
    redis82.command("EVAL", "return 1", 0)
    screen = repl(redis82)
    asked(screen, ":source seed.redis")
    file.write_text("FLUSHALL\n")
    screen.send("y\r")
    screen.wait_for("FLUSHALL deletes every key")
    screen.wait_until(lambda shown: shown.line.startswith(QUESTION), what="the second question")
    answered(screen, "enter")
    assert redis82.command("DBSIZE") == 3


def test_a_production_profile_wants_its_name_and_keeps_asking(
    terminal: MakeTerminal, redis82: Server, tmp_path: Path
) -> None:
    fill(redis82)
    config = tmp_path / "config.toml"
    config.write_text(f'[profiles.prod]\nurl = "redis://{redis82.host}:{redis82.port}"\nproduction = true\n')
    screen = terminal([*PROGRAM, "@prod"], columns=120, env={"PYREDISCLI_CONFIG": str(config)})
    screen.wait_until(at_prompt)
    assert "prod is a production profile" in ask(screen, ":set confirm off")
    for typed in ("y", "PROD", "prod"):
        asked(screen, "FLUSHALL", "Type prod to go on:")
        assert redis82.command("DBSIZE") == 3
        screen.send(f"{typed}\r")
        screen.wait_until(at_prompt)
    assert redis82.command("DBSIZE") == 0


def test_a_yes_to_a_file_is_no_name_where_the_file_leads(
    terminal: MakeTerminal, redis82: Server, valkey9: Server, tmp_path: Path
) -> None:
    fill(redis82)
    config, file = tmp_path / "config.toml", tmp_path / "there.redis"
    config.write_text(f'[profiles.prod]\nurl = "redis://{redis82.host}:{redis82.port}"\nproduction = true\n')
    file.write_text("connect @prod\nFLUSHALL\n")
    here = ("-h", valkey9.host, "-p", str(valkey9.port))
    screen = terminal([*PROGRAM, *here], columns=120, env={"PYREDISCLI_CONFIG": str(config)})
    screen.wait_until(at_prompt)
    asked(screen, f":source {file}")
    screen.send("y\r")
    screen.wait_until(
        lambda shown: shown.line.startswith("Type prod to go on:"), what="the question for a name"
    )
    screen.send("y\r")
    screen.wait_for("stopped here")
    assert redis82.command("DBSIZE") == 3


def test_a_dumb_terminal_asks_too(repl: StartRepl, redis82: Server) -> None:
    fill(redis82)
    screen = repl(redis82, env={"TERM": "dumb"})
    asked(screen, "FLUSHALL")
    screen.send("n\r")
    screen.wait_for("not sent")
    asked(screen, "FLUSHALL")
    screen.send("y\r")
    screen.wait_for("OK")
    assert redis82.command("DBSIZE") == 0
    assert b"\x1b[?" not in screen.raw
