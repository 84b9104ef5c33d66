# bash 4.4 completion for pyredis-cli, as "pyredis-cli completion bash" prints it.

_pyredis_cli() {
    local program=pyredis-cli answer=() before
    [[ $1 == */* ]] && program=${1/#\~\//$HOME/}
    mapfile -t answer < <(
        PYREDISCLI_COMPLETE_LINE=${COMP_LINE:0:COMP_POINT} PYREDISCLI_COMPLETE_WORD=$2 \
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
