#!/usr/bin/env bash
# Installs, upgrades, removes and purges the Debian package in a copy of this machine's file system that is thrown away,
# and looks whether the data and the administrator's changes come through. Nothing of this machine changes.
#   usage: scripts/check-deb.sh PACKAGE.deb NEXT-PACKAGE.deb        (as root, on Debian)
#
# There is no systemd in that copy, so the package's scripts cannot start the service; the daemon is started here as the
# unit says, as the user that the package made.
set -euo pipefail

if [[ ${1:-} != --inside ]]; then
    (($# == 2)) || { echo "usage: scripts/check-deb.sh PACKAGE.deb NEXT-PACKAGE.deb" >&2; exit 2; }
    exec unshare --mount --pid --net --fork --kill-child -- "$0" --inside "$(realpath "$1")" "$(realpath "$2")"
fi

# --- A copy of the file system: what is written goes to memory ---
view=$(mktemp -d)
mount -t tmpfs tmpfs "$view"
mkdir "$view"/{upper,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$view/upper,workdir=$view/work" "$view/root"
mount -t proc proc "$view/root/proc"
mount --bind /dev "$view/root/dev"
mount -t tmpfs tmpfs "$view/root/run"
cp "$2" "$view/root/first.deb"
cp "$3" "$view/root/next.deb"

exec chroot "$view/root" /bin/bash -euo pipefail -c '
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
url=http://127.0.0.1:9797
fail() { echo "check-deb.sh: $*" >&2; cat /daemon.log >&2 || true; exit 1; }
step() { echo "  $*"; }
start() {
    local line
    line=$(sed -n "s/^ExecStart=//p" /lib/systemd/system/sextant.service)
    line=${line/\$SEXTANT_ARGS/}
    # StateDirectory= of the unit.
    install -d -o sextant -g sextant -m 0700 /var/lib/sextant
    setpriv --reuid sextant --regid sextant --clear-groups --no-new-privs --bounding-set=-all -- $line \
        >>/daemon.log 2>&1 &
    daemon=$!
    for _ in $(seq 300); do
        curl -sf "$url/-/ready" >/dev/null && return
        kill -0 "$daemon" 2>/dev/null || fail "the daemon does not start"
        sleep 0.1
    done
    fail "the daemon is not ready"
}
stop() { kill "$daemon"; wait "$daemon" || fail "the daemon ends with $?"; }
series() { curl -sf "$url/api/v1/query" --data-urlencode "query=$1" | grep -o "\"value\":\[[^]]*\]" | cut -d, -f2 | tr -d "\"]"; }

# The network is one of its own, so that no other daemon answers here.
ip link set lo up
touch /daemon.log; chmod 666 /daemon.log
dpkg --purge sextant >/dev/null 2>&1 || true
dpkg -i /first.deb >/install.log 2>&1 || { cat /install.log >&2; fail "it does not install"; }
first=$(dpkg-query -W -f "\${Version}" sextant)
[[ $(getent passwd sextant | cut -d: -f7) == */nologin ]] || fail "the user is not there, or can log in"
[[ $(dpkg-query -W -f "\${Conffiles}" sextant | grep -c /etc/) == $(find /etc/sextant /etc/default/sextant -type f | wc -l) ]] ||
    fail "a file below /etc is no conffile"
[[ -L /etc/systemd/system/multi-user.target.wants/sextant.service ]] || fail "the service is not enabled"
step "installed $first: $(sextant --version), user $(id sextant)"

start
now=$(date +%s)
for n in $(seq 1000); do echo "kept{n=\"$n\"} $n ${now}000"; done |
    curl -sf --data-binary @- "$url/api/v1/import/prometheus" || fail "no import"
sum=$(series "sum(kept)")
[[ $sum == 500500 ]] || fail "the sum is $sum"
[[ $(stat -c "%U %a" /var/lib/sextant) == "sextant 700" ]] || fail "others can read the data"
echo "# changed by the administrator" >>/etc/sextant/sextant.yaml
step "1000 series written"

# The files are replaced under the running daemon, which is what an upgrade does before it restarts the service.
dpkg -i /next.deb >/install.log 2>&1 || { cat /install.log >&2; fail "it does not upgrade"; }
next=$(dpkg-query -W -f "\${Version}" sextant)
[[ $next != "$first" ]] || fail "both packages are $first"
[[ $(series "sum(kept)") == 500500 ]] || fail "the old daemon stopped to answer"
stop
start
[[ $(series "count(kept)") == 1000 && $(series "sum(kept)") == 500500 ]] || fail "series are lost by the upgrade"
grep -q "changed by the administrator" /etc/sextant/sextant.yaml || fail "the upgrade undid a change in /etc"
step "upgraded to $next: all series are there"

stop
dpkg --remove sextant >/install.log 2>&1 || { cat /install.log >&2; fail "it cannot be removed"; }
[[ -d /var/lib/sextant && -f /etc/sextant/sextant.yaml ]] || fail "remove took data or configuration"
[[ ! -e /usr/bin/sextant ]] || fail "remove left the program"
dpkg -i /next.deb >/install.log 2>&1 || fail "it does not install again"
start
[[ $(series "sum(kept)") == 500500 ]] || fail "data are lost by a removal"
stop
step "removed and installed again: all series are there"

dpkg --purge sextant >/install.log 2>&1 || { cat /install.log >&2; fail "it cannot be purged"; }
[[ ! -e /var/lib/sextant && ! -e /etc/sextant && ! -e /etc/default/sextant ]] || fail "purge left something"
[[ ! -e /etc/systemd/system/multi-user.target.wants/sextant.service ]] || fail "purge left the service enabled"
step "purged: nothing is left"
echo "check-deb.sh: passed"
'
