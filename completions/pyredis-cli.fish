# fish completion for pyredis-cli, as "pyredis-cli completion fish" prints it.

function __pyredis_cli
    set -l program (string replace -r '^~/' "$HOME/" -- (commandline -opc)[1])
    string match -q '*/*' -- $program; or set program pyredis-cli
    set -l answer (
        PYREDISCLI_COMPLETE_LINE=(commandline -cp | string collect) \
            $program completion --answer fish 2>/dev/null </dev/null | string split0
    )
    set -l path (string replace -- "$answer[2]" '' (commandline -ct))
    switch "$answer[1]"
        case files
            printf '%s\n' "$answer[2]"(complete -C"'' $path")
        case folders
            printf '%s\n' "$answer[2]"(__fish_complete_directories $path)
        case '*'
            printf '%s\n' $answer[3..-1]
    end
end

complete -c pyredis-cli -f -k -a '(__pyredis_cli)'
