#!/usr/bin/env bash
# Installs the Debian packages that Sextant is built and tested with, and does nothing when all of them are there.
#   usage: scripts/install-packages.sh
set -euo pipefail

packages=(liblz4-dev libre2-dev libsqlite3-dev zlib1g-dev tzdata pkg-config curl)

if ! command -v dpkg-query >/dev/null; then
    echo "install-packages.sh: not a Debian system; Sextant needs what Debian calls: ${packages[*]}" >&2
    exit 0
fi

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $status == installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

as_root=()
if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
        echo "install-packages.sh: not root and no sudo; please install: ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi

echo "install-packages.sh: installing ${missing[*]}" >&2
install=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}")
# The package lists of a machine may be too old to name files that still exist: only then are they fetched anew.
if ! "${as_root[@]}" "${install[@]}" >&2; then
    "${as_root[@]}" apt-get -qq update >&2
    "${as_root[@]}" "${install[@]}" >&2
fi
