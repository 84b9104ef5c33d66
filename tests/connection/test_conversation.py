"""What a connection owes and where it stands, without a socket."""

from __future__ import annotations

import pytest

from pyredis.commands.spec import find
from pyredis.connection.conversation import Conversation, Exchange, Unasked
from pyredis.exceptions import ProtocolError, PyRedisError, ReplyError
from pyredis.types import Push, Reply, Status

OK = Status(b"OK")
QUEUED = Status(b"QUEUED")
ERROR = ReplyError("ERR no")


def say(talk: Conversation, line: str) -> Exchange:
    argv = tuple(line.encode().split())
    return talk.say(argv, find(argv))


def converse(talk: Conversation, *turns: tuple[str, Reply]) -> None:
    for line, reply in turns:
        exchange = say(talk, line)
        assert talk.hear(reply) is exchange


def test_replies_belong_to_commands_in_order() -> None:
    talk = Conversation()
    first, second = say(talk, "GET a"), say(talk, "GET b")
    assert not talk.at_rest
    assert talk.owed == 2
    assert talk.hear(b"1") is first
    assert talk.hear(b"2") is second
    assert (first.reply, second.reply) == (b"1", b"2")
    assert talk.at_rest


def test_a_reply_that_nobody_waits_for_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="no command"):
        Conversation().hear(OK)


def test_a_push_answers_no_command() -> None:
    talk = Conversation(protocol=3)
    exchange = say(talk, "GET a")
    push = Push([b"invalidate", [b"a"]])
    heard = talk.hear(push)
    assert isinstance(heard, Unasked)
    assert heard.reply == push
    assert talk.hear(b"1") is exchange


def test_select_counts_when_it_succeeds() -> None:
    talk = Conversation(database=1)
    converse(talk, ("SELECT 99", ERROR))
    assert talk.at_rest
    converse(talk, ("select 2", OK))
    assert (talk.database, talk.at_rest) == (2, False)
    converse(talk, ("SELECT 1", OK))
    assert talk.at_rest


def test_what_a_transaction_queued_takes_effect_at_exec() -> None:
    talk = Conversation()
    converse(talk, ("MULTI", OK), ("SELECT 3", QUEUED), ("GET", ERROR), ("SET a 1", QUEUED))
    assert (talk.in_transaction, talk.database) == (True, 0)
    converse(talk, ("EXEC", [OK, OK]))
    assert (talk.in_transaction, talk.database) == (False, 3)


def test_a_queued_command_that_failed_changes_nothing() -> None:
    talk = Conversation()
    converse(talk, ("MULTI", OK), ("SELECT 99", QUEUED), ("EXEC", [ERROR]))
    assert talk.at_rest


@pytest.mark.parametrize("reply", [None, ReplyError("EXECABORT Transaction discarded")])
def test_a_transaction_that_did_not_happen_is_over_as_well(reply: Reply) -> None:
    talk = Conversation()
    converse(talk, ("WATCH k", OK), ("MULTI", OK), ("SELECT 3", QUEUED), ("EXEC", reply))
    assert talk.at_rest


def test_discard_forgets_what_was_queued_and_watched() -> None:
    talk = Conversation()
    converse(talk, ("WATCH k", OK), ("MULTI", OK), ("SELECT 3", QUEUED), ("DISCARD", OK))
    assert talk.at_rest
    converse(talk, ("MULTI", OK), ("PING", QUEUED), ("EXEC", [Status(b"PONG")]))
    assert talk.at_rest


def test_exec_outside_a_transaction_keeps_what_is_watched() -> None:
    talk = Conversation()
    converse(talk, ("WATCH k", OK), ("EXEC", ReplyError("ERR EXEC without MULTI")))
    assert talk.watching
    converse(talk, ("UNWATCH", OK))
    assert talk.at_rest


def test_exec_that_answers_another_number_of_commands_is_a_protocol_error() -> None:
    talk = Conversation()
    converse(talk, ("MULTI", OK), ("SELECT 3", QUEUED))
    say(talk, "EXEC")
    with pytest.raises(ProtocolError, match="EXEC"):
        talk.hear([])


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_subscription_is_answered_by_one_confirmation_for_each_channel(protocol: int) -> None:
    def wrap(items: list[Reply]) -> Reply:
        return Push(items) if protocol == 3 else items

    talk = Conversation(protocol=protocol)
    exchange = say(talk, "SUBSCRIBE a b")
    assert talk.hear(wrap([b"subscribe", b"a", 1])) is None
    assert isinstance(talk.hear(wrap([b"message", b"a", b"hello"])), Unasked)
    assert talk.hear(wrap([b"subscribe", b"b", 2])) is exchange
    assert exchange.reply == [[b"subscribe", b"a", 1], [b"subscribe", b"b", 2]]
    assert (talk.subscriptions, talk.at_rest) == (2, False)
    ping = say(talk, "PING")
    assert talk.hear([b"pong", b""] if protocol == 2 else Status(b"PONG")) is ping
    exchange = say(talk, "UNSUBSCRIBE")
    assert talk.hear(wrap([b"unsubscribe", b"a", 1])) is None
    assert talk.hear(wrap([b"unsubscribe", b"b", 0])) is exchange
    assert talk.at_rest
    exchange = say(talk, "PUNSUBSCRIBE")
    assert talk.hear(wrap([b"punsubscribe", None, 0])) is exchange


def test_a_subscription_that_was_refused_has_one_reply() -> None:
    talk = Conversation(protocol=3)
    exchange = say(talk, "SUBSCRIBE a b")
    assert talk.hear(ReplyError("NOPERM no")) is exchange
    assert talk.at_rest


def test_an_array_that_looks_like_a_message_is_a_reply_when_nothing_is_subscribed() -> None:
    talk = Conversation()
    exchange = say(talk, "LRANGE k 0 -1")
    assert talk.hear([b"message", b"a", b"b"]) is exchange


def test_a_shard_channel_that_the_server_takes_away_is_no_reply() -> None:
    talk = Conversation(protocol=3)
    say(talk, "SSUBSCRIBE s")
    talk.hear(Push([b"ssubscribe", b"s", 1]))
    exchange = say(talk, "GET a")
    assert isinstance(talk.hear(Push([b"sunsubscribe", b"s", 0])), Unasked)
    assert talk.subscriptions == 0
    assert talk.hear(b"1") is exchange


def test_after_monitor_every_line_comes_unasked_and_nothing_else_may_be_sent() -> None:
    talk = Conversation()
    converse(talk, ("MONITOR", OK))
    assert isinstance(talk.hear(Status(b'1700000000.1 [0 lua] "get"')), Unasked)
    with pytest.raises(PyRedisError, match="MONITOR"):
        say(talk, "PING")


def test_no_reply_is_owed_while_replies_are_off() -> None:
    talk = Conversation()
    assert say(talk, "CLIENT REPLY OFF").due == 0
    assert say(talk, "SET a 1").due == 0
    assert not talk.at_rest
    converse(talk, ("client reply on", OK))
    assert talk.at_rest
    assert say(talk, "CLIENT REPLY SKIP").due == 0
    assert say(talk, "SET a 1").due == 0
    converse(talk, ("GET a", b"1"))
    assert talk.at_rest


def test_a_change_whose_outcome_was_never_told_is_not_rest() -> None:
    talk = Conversation()
    say(talk, "CLIENT REPLY OFF")
    say(talk, "WATCH k")
    converse(talk, ("CLIENT REPLY ON", OK), ("RESET", Status(b"RESET")))
    assert not talk.at_rest


def test_reset_does_not_undo_every_setting() -> None:
    talk = Conversation()
    converse(talk, ("CLIENT NO-EVICT ON", OK), ("RESET", Status(b"RESET")))
    assert not talk.at_rest


def test_reset_is_answered_while_replies_are_off_for_it_turns_them_on() -> None:
    talk = Conversation()
    say(talk, "CLIENT REPLY OFF")
    reset, ping = say(talk, "RESET"), say(talk, "PING")
    assert talk.hear(Status(b"RESET")) is reset
    assert talk.hear(Status(b"PONG")) is ping
    assert talk.at_rest


def test_reset_logs_out_whoever_was_logged_in() -> None:
    talk = Conversation(username="default")
    converse(talk, ("RESET", Status(b"RESET")))
    assert (talk.username, talk.at_rest) == ("default", False)
    converse(talk, ("AUTH pw", OK))
    assert talk.at_rest


def test_logging_in_where_nobody_was_is_a_change() -> None:
    talk = Conversation()
    converse(talk, ("AUTH pw", OK))
    assert not talk.at_rest


def test_a_connection_that_was_told_to_quit_is_not_at_rest() -> None:
    talk = Conversation()
    converse(talk, ("QUIT", OK))
    assert (talk.leaving, talk.at_rest) == (True, False)


def test_nothing_is_sent_behind_monitor_and_a_refused_one_changes_nothing() -> None:
    talk = Conversation()
    say(talk, "MONITOR")
    with pytest.raises(PyRedisError, match="MONITOR"):
        say(talk, "PING")
    talk.hear(ReplyError("NOPERM no"))
    converse(talk, ("PING", Status(b"PONG")))
    assert talk.at_rest


@pytest.mark.parametrize(
    "line", ["CLIENT REPLY OFF", "SUBSCRIBE a", "UNSUBSCRIBE", "AUTH pw", "HELLO 3", "HELLO 2 AUTH ada pw"]
)
@pytest.mark.parametrize("heard", [True, False])
def test_what_would_garble_the_reply_of_exec_is_refused_behind_multi(line: str, heard: bool) -> None:
    talk = Conversation()
    say(talk, "MULTI")
    if heard:
        talk.hear(OK)
    with pytest.raises(PyRedisError, match="EXEC"):
        say(talk, line)


@pytest.mark.parametrize("mode", ["OFF", "SKIP"])
@pytest.mark.parametrize("line", ["SUBSCRIBE a", "PUNSUBSCRIBE", "SELECT 3", "AUTH pw", "HELLO 3"])
def test_what_needs_its_reply_is_refused_while_replies_are_off(line: str, mode: str) -> None:
    talk = Conversation()
    say(talk, f"CLIENT REPLY {mode}")
    with pytest.raises(PyRedisError, match="replies are off"):
        say(talk, line)
    assert talk.owed == 0


def test_the_words_of_a_server_that_hangs_up_are_kept() -> None:
    with pytest.raises(ProtocolError, match="max number of clients"):
        Conversation().hear(ReplyError("ERR max number of clients reached"))


@pytest.mark.parametrize("line", ["SELECT", "SELECT one"])
def test_accepting_the_impossible_is_a_protocol_error(line: str) -> None:
    talk = Conversation()
    say(talk, line)
    with pytest.raises(ProtocolError, match="SELECT"):
        talk.hear(OK)


def test_a_name_is_not_taken_for_the_word_auth() -> None:
    talk = Conversation()
    converse(talk, ("HELLO 3 SETNAME auth", {b"proto": 3}), ("HELLO 3 AUTH setname pw", {b"proto": 3}))
    assert (talk.username, talk.protocol) == ("setname", 3)


def test_a_wrong_client_reply_is_answered() -> None:
    talk = Conversation()
    converse(talk, ("CLIENT REPLY MAYBE", ERROR), ("CLIENT REPLY", ERROR))
    assert talk.at_rest


def test_who_and_in_which_protocol_is_followed() -> None:
    talk = Conversation(username="ada")
    assert talk.at_rest
    converse(talk, ("AUTH eve pw", OK))
    assert (talk.username, talk.at_rest) == ("eve", False)
    converse(talk, ("HELLO 3 AUTH ada pw", {b"server": b"redis", b"proto": 3}))
    assert (talk.username, talk.protocol, talk.at_rest) == ("ada", 3, False)
    converse(talk, ("HELLO 2", [b"server", b"redis", b"proto", 2]))
    assert talk.at_rest
    converse(talk, ("AUTH pw", OK))
    assert talk.username == "default"


def test_reset_brings_back_the_state_of_a_new_connection() -> None:
    talk = Conversation()
    converse(talk, ("SELECT 3", OK), ("WATCH k", OK), ("MULTI", OK), ("RESET", Status(b"RESET")))
    assert talk.at_rest
    other = Conversation(database=2)
    converse(other, ("RESET", Status(b"RESET")))
    assert (other.database, other.at_rest) == (0, False)


def test_a_connection_is_never_turned_into_a_replication_stream() -> None:
    for line in ("SYNC", "PSYNC ? -1"):
        with pytest.raises(PyRedisError, match="replication"):
            say(Conversation(), line)
