r"""A line of a shell up to the cursor, taken apart: the words of its last command, and the one that is typed.

It knows how bash, zsh and fish quote. It runs nothing: what only the shell could tell, the output of a command or
a variable that is not exported, makes a word that is not ``known``. Bytes that are no UTF-8 are lone surrogates.
"""

from __future__ import annotations

from pyredis.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ShellLine", "ShellWord", "shell_line"]


class ShellWord(NamedTuple):
    """What a word says so far, and whether that is what the program will be given."""

    value: str = ""
    known: bool = True
    quote: str = ""
    """The quote that is open at its end: ``'``, ``"`` or ``$'``."""


class ShellLine(NamedTuple):
    """The finished words, that of the program first, and the one at the cursor, empty behind a blank.

    ``redirected``: the word at the cursor is the file of a ``<`` or ``>``.
    """

    words: tuple[ShellWord, ...]
    partial: ShellWord
    redirected: bool = False


def shell_line(text: str, shell: str, environ: Mapping[str, str]) -> ShellLine:
    """Return the last command of a text, without its redirections and the assignments in front of it."""
    reader = (_Fish if shell == "fish" else _Reader)(text, environ)
    words, partial, redirected = reader.read()
    start = 0
    while start < len(words) and _leads(words[start].value, shell):
        start += 1
    return ShellLine(tuple(words[start:]), partial, redirected)


# In bash and zsh these never reach a completion.
_DECORATIONS = frozenset(("and", "or", "not", "!", "time", "command", "exec", "begin", "builtin"))


def _leads(word: str, shell: str) -> bool:
    """Whether a word may stand in front of the command without being it."""
    name, equals, _ = word.partition("=")
    return (bool(equals) and name.isidentifier()) or (shell == "fish" and word in _DECORATIONS)


_BLANKS = " \t"
_ENDS = "\n;|&()"
_CONTROLS = {
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "E": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}
_HEX = "0123456789abcdefABCDEF"
_OCTAL = "01234567"


_MANY = frozenset(" \t\n*?[")
"""What makes more than one word of the value of a variable."""


class _Reader:
    """Reads a text of bash or zsh; at any time ``value`` is what the word says that is being read."""

    ends = _ENDS
    in_double = '$`"\\\n'
    """What a backslash keeps from being special in double quotes."""
    in_single = ""

    def __init__(self, text: str, environ: Mapping[str, str]) -> None:
        self._text = text
        self._environ = environ
        self._at = 0
        self._begin()

    def _begin(self) -> None:
        self._value: list[str] = []
        self._known = True
        self._quote = ""
        self._begun = False

    def read(self) -> tuple[list[ShellWord], ShellWord, bool]:
        words: list[ShellWord] = []
        redirects = False
        while self._at < len(self._text):
            character = self._text[self._at]
            if character in _BLANKS or character in self.ends:
                if self._begun and not redirects:
                    words.append(self._word())
                redirects = redirects and not self._begun
                self._begin()
                self._at += 1
                if character in self.ends:
                    words.clear()
            elif character in "<>" and self._text[self._at + 1 : self._at + 2] != "(":
                if self._begun and not "".join(self._value).isdigit() and not redirects:
                    words.append(self._word())
                self._begin()
                redirects = True
                self._skip("<>&|!")
            else:
                self._begun = True
                self._piece(character)
        return words, self._word(), redirects

    def _word(self) -> ShellWord:
        # A shell's words are bytes: an escape may give the first half of a character, and the next one the rest.
        value = "".join(self._value).encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
        return ShellWord(value, self._known, self._quote)

    # -- pieces of a word

    def _piece(self, character: str) -> None:
        """Read what begins with an unquoted character."""
        following = self._text[self._at + 1 : self._at + 2]
        if character == "\\":
            self._escaped()
        elif character == "'":
            self._at += 1
            self._single()
        elif character == '"':
            self._at += 1
            self._double()
        elif character == "$" and following == "'":
            self._at += 2
            self._ansi()
        elif character == "$" and following == '"':
            self._at += 1
        elif character in "$`<>":
            self._expansion()
        elif character == "~" and not self._value and following in ("", "/", *_BLANKS, *self.ends):
            self._at += 1
            self._value.append(self._environ.get("HOME", "~"))
        else:
            self._literal(character)

    def _literal(self, character: str) -> None:
        self._value.append(character)
        self._at += 1

    def _escaped(self) -> None:
        """Read a backslash outside quotes and what is behind it, which may not be there yet."""
        following = self._text[self._at + 1 : self._at + 2]
        self._value.append("" if following == "\n" else following)
        self._at += 2

    def _single(self) -> None:
        self._quote = "'"
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == "'":
                return self._close()
            if character == "\\" and self._text[self._at + 1 : self._at + 2] in (*self.in_single, ""):
                self._at += bool(self.in_single)
                character = self._text[self._at : self._at + 1]
            self._literal(character)
        return None

    def _double(self) -> None:
        self._quote = '"'
        while self._at < len(self._text):
            character = self._text[self._at]
            following = self._text[self._at + 1 : self._at + 2]
            if character == '"':
                return self._close()
            if character in "$`" and (character in self.in_double):
                self._expansion()
            elif character == "\\" and following in (*self.in_double, ""):
                self._value.append("" if following == "\n" else following)
                self._at += 2
            else:
                self._literal(character)
        return None

    def _ansi(self) -> None:
        self._quote = "$'"
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == "'":
                return self._close()
            if character == "\\":
                self._at += 1
                self._coded(_CONTROLS)
            else:
                self._literal(character)
        return None

    def _close(self) -> None:
        self._quote = ""
        self._at += 1

    def _coded(self, controls: Mapping[str, str]) -> None:
        """Read what stands behind a backslash and says one character or byte."""
        kind = self._text[self._at : self._at + 1]
        self._at += 1
        if kind in controls:
            self._value.append(controls[kind])
        elif kind == "x" or (kind == "X" and controls is not _CONTROLS):
            self._byte(self._digits(_HEX, 2), 16, kind)
        elif kind and kind in _OCTAL:
            self._at -= 1
            self._byte(self._digits(_OCTAL, 3), 8, "")
        elif kind in ("u", "U"):
            code = int(self._digits(_HEX, 4 if kind == "u" else 8) or "0", 16)
            self._value.append(chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "?")
        elif kind == "c":
            control = self._text[self._at : self._at + 1]
            self._value.append(chr(ord(control) & 0x1F) if control else "")
            self._at += 1
        else:
            self._value.append(kind)

    def _byte(self, digits: str, base: int, kind: str) -> None:
        if not digits:
            self._value.append("\\" + kind)
            return
        code = int(digits, base) & 0xFF
        self._value.append(chr(code) if code < 0x80 else chr(0xDC00 + code))

    def _digits(self, allowed: str, most: int) -> str:
        start = self._at
        while self._at < len(self._text) and self._at - start < most and self._text[self._at] in allowed:
            self._at += 1
        return self._text[start : self._at]

    # -- what the shell puts in the place of something

    def _expansion(self) -> None:
        """Read a variable or the output of a command; the latter is known to nobody, and to run it is not ours."""
        opening = self._text[self._at]
        following = self._text[self._at + 1 : self._at + 2]
        start = self._at
        if opening == "`":
            end = self._text.find("`", self._at + 1)
            self._at = len(self._text) if end < 0 else end + 1
        elif following == "(" or opening == "(":
            self._at = _behind_parentheses(self._text, self._at)
        elif opening == "$" and following == "{":
            end = self._text.find("}", self._at)
            self._at = len(self._text) if end < 0 else end + 1
            return self._variable(self._text[start + 2 : self._at - 1], start)
        elif opening == "$" and (following.isalpha() or following == "_"):
            self._at += 1
            self._skip_name()
            return self._variable(self._text[start + 1 : self._at], start)
        else:
            self._at += 1 + (bool(following) and following in "?$!#@*-0123456789")
            if self._at == start + 1:  # a lone dollar is one
                self._value.append(opening)
                return None
        self._known = False
        self._value.append(self._text[start : self._at])
        return None

    def _variable(self, name: str, start: int) -> None:
        value = self._environ.get(name)
        # Outside quotes it may be several words, or none.
        self._known &= value is not None and bool(self._quote or (value and _MANY.isdisjoint(value)))
        self._value.append(self._text[start : self._at] if value is None else value)

    def _skip_name(self) -> None:
        while self._at < len(self._text) and (self._text[self._at].isalnum() or self._text[self._at] == "_"):
            self._at += 1

    def _skip(self, characters: str) -> None:
        while self._at < len(self._text) and self._text[self._at] in characters:
            self._at += 1


class _Fish(_Reader):
    """Reads a text of fish: backslashes mean characters outside quotes, and parentheses are commands."""

    ends = "\n;|&"
    in_double = '$"\\\n'
    in_single = "'\\"

    def _piece(self, character: str) -> None:
        following = self._text[self._at + 1 : self._at + 2]
        if character == "(":
            self._expansion()
        elif (character == "$" and following in ("'", '"')) or character == "`":
            self._literal(character)
        else:
            super()._piece(character)

    def _escaped(self) -> None:
        self._at += 1
        if self._text[self._at : self._at + 1] == "\n":
            self._at += 1
        else:
            self._coded(_FISH_CONTROLS)


_FISH_CONTROLS = {name: _CONTROLS[name] for name in "abefnrtv"}


def _behind_parentheses(text: str, at: int) -> int:
    """Return the place behind the parenthesis that closes the next one."""
    depth = 0
    for place in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if not depth and text[place] == ")":
            return place + 1
    return len(text)
