#!/bin/sh
# Compare the data of one experiment, or of all, with its hashes.txt, as `make check` does.
# Needs nothing but a POSIX shell and coreutils: it works when nothing else does.
# Usage: src/check-hash.sh [EXPERIMENT]
set -eu
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/.."
data=assets/data
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
return_=$(printf '\r_') && return_=${return_%_}

# Print a name on one line, as sha256sum does: \n, \r and \\ for what does not fit there.
escape() {
    case $1 in
    *\\* | *"
"* | *"$return_"*) ;;
    *) printf '%s\n' "$1" && return ;;
    esac
    rest=$1
    while [ -n "$rest" ]; do
        tail=${rest#?}
        letter=${rest%"$tail"}
        case $letter in
        \\) printf %s "\\\\" ;;
        "
") printf '%s' '\n' ;;
        "$return_") printf '%s' '\r' ;;
        *) printf '%s' "$letter" ;;
        esac
        rest=$tail
    done
    echo
}

# Print every file below folder $1; links are followed, but never into a folder above ($2).
walk() {
    for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
        if [ ! -d "$entry" ]; then
            if [ -e "$entry" ] || [ -L "$entry" ]; then escape "$entry"; fi
        elif [ -L "$entry" ]; then
            real=$(readlink -f "$entry")
            case $2 in *"|$real|"*) ;; *) walk "$entry" "$2$real|" ;; esac
        else
            walk "$entry" "$2$(readlink -f "$entry")|"
        fi
    done
}

# Tell whether $1 are the digits of a sha256.
is_digest() {
    [ ${#1} -eq 64 ] || return 1
    case $1 in *[!0-9a-fA-F]*) return 1 ;; esac
}

# Tell whether $1 is a name as a record has it: one spelling for each file, inside of generated/.
is_name() {
    case /$1/ in *//* | */./* | */../*) return 1 ;; esac
}

# Tell whether every backslash of $1 begins \\, \n or \r.
is_escaped() {
    rest=$1
    while :; do
        case $rest in *\\*) rest=${rest#*\\} ;; *) return 0 ;; esac
        case $rest in \\* | n* | r*) rest=${rest#?} ;; *) return 1 ;; esac
    done
}

# Read the record $1: its lines go to `lines`, their names, escaped, to `recorded`.
# Fail at a line that `make` would refuse, too.
read_record() {
    : >"$temporary/lines" && : >"$temporary/names"
    tr -d '\000' <"$1" >"$temporary/text"
    [ "$(wc -c <"$1")" -eq "$(wc -c <"$temporary/text")" ] || return 1
    while IFS= read -r line || [ -n "$line" ]; do
        line=${line%"$return_"}
        case $line in '#'*) continue ;; *[!\ \	]*) ;; *) continue ;; esac
        marked=${line#\\}
        name=${marked#????????????????????????????????????????????????????????????????}
        is_digest "${marked%"$name"}" || return 1
        case $name in ' '[' *']?*) name=${name#??} ;; *) return 1 ;; esac
        is_name "$name" || return 1
        if [ "$marked" = "$line" ]; then
            escape "$name" >>"$temporary/names"
        else
            is_escaped "$name" || return 1
            # A name that needs no mark is the same name without it.
            printf '%s\n' "$name" >>"$temporary/names"
        fi
        printf '%s\n' "$line" >>"$temporary/lines"
    done <"$1"
    sort "$temporary/names" >"$temporary/recorded"
    [ -z "$(uniq -d "$temporary/recorded")" ]
}

# Print the folders of assets/data in which recorded files lie.
folders() {
    while IFS= read -r name; do
        below=${name#"$data"/}
        case $name in "$data"/*/*) printf '%s\n' "${below%%/*}" ;; esac
    done | sort -u
}

# Print the files that lie in those folders without being recorded.
extra() {
    folders <"$temporary/recorded" | while IFS= read -r name; do
        folder=$(printf '%b_' "$data/$name")
        folder=${folder%_}
        if [ -d "$folder" ]; then walk "$folder" "|$(readlink -f "$folder")|"; fi
    done | sort >"$temporary/found"
    comm -13 "$temporary/recorded" "$temporary/found"
}

# Write what is wrong with the data in the current folder; fail if a line of the record failed.
report() {
    status=0
    sha256sum --check --quiet --strict "$temporary/lines" >"$temporary/failed" 2>/dev/null || status=1
    while IFS= read -r line; do
        case $line in
        *': FAILED open or read') printf '  MISSING  %s\n' "${line%: FAILED open or read}" ;;
        *': FAILED') printf '  CHANGED  %s\n' "${line%: FAILED}" ;;
        esac
    done <"$temporary/failed" >"$temporary/report"
    extra | while IFS= read -r name; do
        printf '  EXTRA    %s\n' "$name"
    done >>"$temporary/report"
    return "$status"
}

check() {
    record=$PWD/scripts/$1/hashes.txt
    place=generated/$1
    if [ ! -e "$record" ]; then
        echo "$1: no data is recorded"
        return 0
    fi
    if ! read_record "$record"; then
        printf '%s: NOT verified\n  a line of hashes.txt is no record\n' "$1"
        return 1
    fi
    if [ ! -s "$temporary/lines" ]; then
        echo "$1: no data is recorded"
        return 0
    fi
    [ -d "$place" ] || place=$temporary
    if (cd "$place" && report) && [ ! -s "$temporary/report" ]; then
        echo "$1: verified (files of data: $(wc -l <"$temporary/lines" | tr -d ' '))"
        return 0
    fi
    echo "$1: NOT verified"
    [ -s "$temporary/report" ] || echo '  a line of hashes.txt is no record' >"$temporary/report"
    cat "$temporary/report"
    return 1
}

failed=0
if [ $# -gt 0 ]; then
    if [ ! -d "scripts/$1" ]; then
        echo "there is no experiment $1" >&2
        exit 2
    fi
    check "$1" || failed=1
else
    for folder in scripts/*/; do
        folder=${folder%/}
        check "${folder#scripts/}" || failed=1
    done
fi
exit $failed
