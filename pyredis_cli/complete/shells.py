"""The completion scripts of bash, zsh and fish, and the form in which each wants an answer.

A script knows nothing of the program: at a TAB it hands it the line up to the cursor, in the environment, where
other users cannot see it, and turns the answer into candidates. The files in ``completions/`` are these scripts.
"""

from __future__ import annotations

from pyredis_cli.complete.shell_line import shell_line
from pyredis_cli.complete.shell_quoting import in_bash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyredis_cli.complete.command_line import Place

__all__ = ["FILES", "LINE", "SCRIPTS", "answer"]

LINE = "PYREDISCLI_COMPLETE_LINE"
"""The line up to the cursor, from the beginning of the command or before it."""
_WORD = "PYREDISCLI_COMPLETE_WORD"
"""What bash will put a candidate in the place of."""


def answer(place: Place, shell: str, environ: Mapping[str, str]) -> bytes:
    """Return what a script is told: what else there may be (``files``, ``folders``), then the candidates."""
    form = _for_bash if shell == "bash" else _for_zsh if shell == "zsh" else _for_fish
    return form(place, environ).encode("utf-8", "surrogateescape")


def _for_bash(place: Place, environ: Mapping[str, str]) -> str:
    """Return lines: the first has what of the replaced text is before a file name, the others are typed as is."""
    text, word = environ.get(LINE, ""), environ.get(_WORD, "")
    if not text.endswith(word):
        return "\n"
    head = shell_line(text[: len(text) - len(word)], "bash", environ).partial
    before = place.before.removeprefix(head.value) if place.before.startswith(head.value) else ""
    lines = [f"{place.files} {before}".strip()]
    for value in dict.fromkeys(offer.value for offer in place.offers):
        if value.startswith(head.value):
            written = in_bash(value[len(head.value) :], head.quote)
            # readline closes a quote, but not behind what looks like one.
            closed = bool(head.quote) and written.endswith(head.quote[-1])
            lines.append(written + head.quote[-1] if closed else written)
    return "".join([f"{line}\n" for line in lines])


def _for_zsh(place: Place, environ: Mapping[str, str]) -> str:
    """Return strings that end in NUL: what files there may be, behind what, then values and their summaries."""
    quoted = _quote(environ, "zsh")
    told = [place.files, place.before]
    for offer in place.offers:
        # In quotes zsh writes bytes that are no character as it does without.
        if _is_visible(offer.value) and not (quoted and _has_bytes(offer.value)):
            told += [offer.value, offer.summary]
    return "".join([f"{text}\0" for text in told])


def _for_fish(place: Place, environ: Mapping[str, str]) -> str:
    """Return strings that end in NUL: what files there may be, behind what, then values with their summaries."""
    quoted = _quote(environ, "fish")
    told = [place.files, place.before]
    for value, summary in place.offers:
        # In quotes fish writes controls as they are, which steer the terminal; it takes its candidates in lines.
        is_safe = value.isprintable() if quoted else "\t" not in value and "\n" not in value
        if is_safe and _is_visible(value):
            told.append(f"{value}\t{summary}")
    return "".join([f"{text}\0" for text in told])


def _quote(environ: Mapping[str, str], shell: str) -> str:
    """Return the quote that is open at the cursor."""
    return shell_line(environ.get(LINE, ""), shell, environ).partial.quote


def _has_bytes(value: str) -> bool:
    """Whether some of a value is no UTF-8."""
    return any("\udc80" <= character <= "\udcff" for character in value)


def _is_visible(value: str) -> bool:
    """Whether a shell that quotes for itself shows what is in a value: it knows controls, not the invisible."""
    return "\0" not in value and all(
        character.isprintable() or character < "\x80" or _has_bytes(character) for character in value
    )


_BASH = """\
# bash 4.4 completion for pyredis-cli, as "pyredis-cli completion bash" prints it.

_pyredis_cli() {
    local program=pyredis-cli answer=() before
    [[ $1 == */* ]] && program=${1/#\\~\\//$HOME/}
    mapfile -t answer < <(
        PYREDISCLI_COMPLETE_LINE=${COMP_LINE:0:COMP_POINT} PYREDISCLI_COMPLETE_WORD=$2 \\
            "$program" completion --answer bash 2>/dev/null </dev/null
    )
    COMPREPLY=("${answer[@]:1}")
    before=${answer[0]-}
    before=${before#* }
    case ${answer[0]-} in
        "files "*) mapfile -t COMPREPLY < <(compgen -P "$before" -f -- "${2#"$before"}"); compopt -o filenames ;;
        files) compopt -o default ;;
        folders) compopt -o dirnames ;;
    esac
}
complete -o nosort -F _pyredis_cli pyredis-cli
"""

_ZSH = """\
#compdef pyredis-cli
# zsh completion for pyredis-cli, as "pyredis-cli completion zsh" prints it.

_pyredis-cli() {
    local program=pyredis-cli line value summary
    local -a answer values shown listed
    [[ $words[1] == */* ]] && program=${(Q)words[1]/#\\~\\//$HOME/}
    line="${(j: :)words[1,CURRENT-1]} $IPREFIX$QIPREFIX$PREFIX"
    answer=("${(@0)$(
        PYREDISCLI_COMPLETE_LINE=$line $program completion --answer zsh 2>/dev/null </dev/null
    )}")
    [[ -n $answer[2] ]] && compset -P "${(b)answer[2]}"
    case $answer[1] in
        files) _files; return ;;
        folders) _files -/; return ;;
    esac
    for value summary in "${(@)answer[3,-2]}"; do
        values+=("$value")
        shown+=("${(V)value}${summary:+  -- $summary}")
    done
    [[ -n $answer[4] ]] && listed=(-l)
    (($#values)) && compadd -M 'm:{a-zA-Z}={A-Za-z}' $listed -d shown -a values
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _pyredis-cli "$@"
else
    compdef _pyredis-cli pyredis-cli
fi
"""

_FISH = """\
# fish completion for pyredis-cli, as "pyredis-cli completion fish" prints it.

function __pyredis_cli
    set -l program (string replace -r '^~/' "$HOME/" -- (commandline -opc)[1])
    string match -q '*/*' -- $program; or set program pyredis-cli
    set -l answer (
        PYREDISCLI_COMPLETE_LINE=(commandline -cp | string collect) \\
            $program completion --answer fish 2>/dev/null </dev/null | string split0
    )
    set -l path (string replace -- "$answer[2]" '' (commandline -ct))
    switch "$answer[1]"
        case files
            printf '%s\\n' "$answer[2]"(complete -C"'' $path")
        case folders
            printf '%s\\n' "$answer[2]"(__fish_complete_directories $path)
        case '*'
            printf '%s\\n' $answer[3..-1]
    end
end

complete -c pyredis-cli -f -k -a '(__pyredis_cli)'
"""

SCRIPTS: dict[str, str] = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
"""The script of each shell."""

FILES: dict[str, str] = {"bash": "pyredis-cli.bash", "zsh": "_pyredis-cli", "fish": "pyredis-cli.fish"}
"""What its file is called, in ``completions/`` and where shells look."""
