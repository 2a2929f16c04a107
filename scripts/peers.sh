#!/usr/bin/env bash
# Unpacks the programs that the end-to-end tests measure Sextant against (Prometheus, promtool, Alertmanager,
# node_exporter, vmalert and Pushgateway) into a folder, and prints the folder that holds them. Nothing is
# installed: installing would start services.
#   usage: scripts/peers.sh [FOLDER]        (default: .build/peers of this repository)
#
# They come from Debian's newest suite, through the mirror that this machine's own apt uses for Debian, with the
# signature checks that apt makes for that mirror. Exit status 1 where that cannot be done; the tests that need
# the peers then skip and say so.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
folder=${1:-$root/.build/peers}
packages=(prometheus promtool prometheus-node-exporter prometheus-pushgateway prometheus-alertmanager victoria-metrics)
programs=(prometheus promtool prometheus-node-exporter prometheus-pushgateway prometheus-alertmanager vmalert)
suites=(sid testing)
oldest_version=3.5.0

give_up() {
    echo "peers.sh: $*" >&2
    exit 1
}

all_there() {
    local program
    for program in "${programs[@]}"; do
        [[ -x $1/usr/bin/$program ]] || return 1
    done
}

# Prints one line "URI<TAB>options" for each source of this machine that holds Debian's main archive; the options
# are what stands between the brackets of a one-line source. Security and third-party archives have other suites.
debian_sources() {
    local sources=() lists=() file
    for file in /etc/apt/sources.list.d/*.sources; do [[ -r $file ]] && sources+=("$file"); done
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do [[ -r $file ]] && lists+=("$file"); done
    local codename
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")
    if ((${#sources[@]})); then deb822_sources "$codename" "${sources[@]}"; fi
    if ((${#lists[@]})); then one_line_sources "$codename" "${lists[@]}"; fi
}

deb822_sources() {
    local codename=$1 file
    shift
    for file; do
        # A stanza ends at an empty line; a field goes on in lines that begin with a blank; "#" begins a comment.
        awk -v codename="$codename" '
            function has(list, word) { return index(" " list " ", " " word " ") > 0 }
            function flush_stanza(    i, n, uris, options) {
                if (has(field["types"], "deb") && has(field["components"], "main") && field["enabled"] != "no" \
                    && (has(field["suites"], codename) || has(field["suites"], "stable") \
                        || has(field["suites"], "testing") || has(field["suites"], "sid") \
                        || has(field["suites"], "unstable"))) {
                    options = ""
                    if (field["signed-by"] ~ /^\/[^ ]+$/) options = "signed-by=" field["signed-by"]
                    if (field["trusted"] == "yes") options = options (options == "" ? "" : " ") "trusted=yes"
                    n = split(field["uris"], uris, " ")
                    for (i = 1; i <= n; i++) print uris[i] "\t" options
                }
                delete field
                name = ""
            }
            /^#/ { next }
            /^[ \t]*$/ { flush_stanza(); next }
            /^[ \t]/ { if (name != "") { sub(/^[ \t]+/, ""); field[name] = field[name] " " $0 } next }
            {
                at = index($0, ":")
                if (at == 0) next
                name = tolower(substr($0, 1, at - 1))
                value = substr($0, at + 1)
                gsub(/^[ \t]+|[ \t]+$/, "", value)
                field[name] = value
            }
            END { flush_stanza() }
        ' "$file"
    done
}

one_line_sources() {
    local codename=$1
    shift
    sed -nE 's/[[:space:]]+#.*$//; s/^[[:space:]]*deb[[:space:]]+(\[([^]]*)\][[:space:]]+)?([^[:space:]]+)[[:space:]]+([^[:space:]]+)[[:space:]]+(.*)$/\3\t\4\t\5\t\2/p' "$@" |
        awk -F '\t' -v codename="$codename" '
            $2 != codename && $2 != "stable" && $2 != "testing" && $2 != "sid" && $2 != "unstable" { next }
            index(" " $3 " ", " main ") == 0 { next }
            {
                options = ""
                n = split($4, words, /[ \t]+/)
                for (i = 1; i <= n; i++)
                    if (words[i] ~ /^(signed-by|trusted)=/) options = options (options == "" ? "" : " ") words[i]
                print $1 "\t" options
            }
        '
}

# Writes an apt configuration that keeps this machine's network settings (proxies, certificates) and leaves out
# everything else, so that no hook of the system runs and no file of the system is written.
write_apt_configuration() {
    {
        apt-config dump | grep '^Acquire::' | grep -v '^Acquire::IndexTargets'
        cat <<END
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
APT::Sandbox::User "$(id -un)";
APT::Update::Error-Mode "any";
APT::Install-Recommends "false";
Dir::Cache "$work/cache";
Dir::Etc::Main "/dev/null";
Dir::Etc::Parts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State "$work/state";
Dir::State::Status "$work/status";
END
    } >"$work/apt.conf"
    mkdir -p "$work/cache/archives/partial" "$work/state/lists/partial"
    : >"$work/status"
}

# Fetches the packages of one suite from one mirror into $work/debs.
fetch() {
    local uri=$1 options=$2 suite=$3
    echo "deb ${options:+[$options] }$uri $suite main" >"$work/sources.list"
    rm -rf "$work/state/lists" "$work/debs"
    mkdir -p "$work/state/lists/partial" "$work/debs"
    apt-get -qq update >&2 && (cd "$work/debs" && apt-get -qq download "${packages[@]}" >&2)
}

if all_there "$folder"; then
    echo "$folder/usr/bin"
    exit 0
fi
for tool in apt-get apt-config dpkg-deb awk sed; do
    command -v "$tool" >/dev/null || give_up "no $tool here: not a Debian system"
done

umask 022
mkdir -p "$(dirname -- "$folder")"
work=$(mktemp -d "$(dirname -- "$folder")/peers.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
write_apt_configuration
export APT_CONFIG=$work/apt.conf

mapfile -t mirrors < <(debian_sources | sort -u)
((${#mirrors[@]})) || give_up "no Debian mirror among this machine's apt sources"

for mirror in "${mirrors[@]}"; do
    for suite in "${suites[@]}"; do
        uri=${mirror%%$'\t'*}
        case $uri in
        http://* | https://* | file:* | mirror*) ;;
        *) continue ;;
        esac
        echo "peers.sh: asking ${uri//\/\/*@/\/\/} for ${packages[*]} of Debian $suite" >&2
        if ! fetch "$uri" "${mirror#*$'\t'}" "$suite"; then
            echo "peers.sh: no luck there" >&2
            continue
        fi
        for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$work/unpacked"; done
        all_there "$work/unpacked" || give_up "the packages of $suite do not hold ${programs[*]}"
        version=$("$work/unpacked/usr/bin/prometheus" --version | sed -nE '1s/.*version ([0-9]+(\.[0-9]+)*).*/\1/p')
        [[ $(printf '%s\n' "$oldest_version" "$version" | sort -V | head -n 1) == "$oldest_version" ]] ||
            give_up "Prometheus $version of $suite is older than $oldest_version"
        rm -rf -- "$folder"
        mv -- "$work/unpacked" "$folder"
        echo "peers.sh: Prometheus $version unpacked" >&2
        echo "$folder/usr/bin"
        exit 0
    done
done
give_up "no mirror of this machine delivered the peers"
