#!/usr/bin/env bash
# Builds the Debian package of Sextant for this machine's architecture and prints its path.
#   usage: scripts/build-deb.sh [--version] [--check]
#     --version   only prints the version that the package would have, without the revision
#     --check     also runs lintian (if it is installed) over the package; errors of it are errors here
#
# In the environment:
#   SWIFT           the compiler's command; default swift
#   CONFIGURATION   release (default) or debug; debug takes the Swift libraries from the compiler's folder and is for
#                   work on the package itself
#   REVISION        the number behind the version; default 1
#   BINARY          a binary to pack instead of building one
#   SCRATCH         where a release is built; default .build/static, as its flags differ from those of `make serve`
#   OUTPUT          the folder of the package; default .build/deb
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$root"
configuration=${CONFIGURATION:-release}
swift=${SWIFT:-swift}
output=${OUTPUT:-$root/.build/deb}
scratch_path=${SCRATCH:-$root/.build/static}

# The one place that says which version this is.
version=$(sed -nE 's/.*static let version = "([^"]+)".*/\1/p' Sources/Telemetry/BuildInfo.swift)
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+ ]] || { echo "build-deb.sh: no version in BuildInfo.swift" >&2; exit 1; }

check=
for argument; do
    case $argument in
        --version) echo "$version"; exit 0 ;;
        --check) check=yes ;;
        *) echo "usage: scripts/build-deb.sh [--version] [--check]" >&2; exit 2 ;;
    esac
done
for tool in dpkg-deb dpkg-shlibdeps; do
    command -v "$tool" >/dev/null || { echo "build-deb.sh: needs $tool (package dpkg-dev)" >&2; exit 1; }
done

full_version=$version-${REVISION:-1}
architecture=$(dpkg --print-architecture)
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
tree=$scratch/debian/sextant
umask 022

# --- The program ---
# The Swift libraries are in no Debian package, so a release has them inside.
if [[ -z ${BINARY:-} ]]; then
    flags=(-c "$configuration" --product sextant)
    [[ $configuration != release ]] || flags+=(--static-swift-stdlib --scratch-path "$scratch_path")
    $swift build "${flags[@]}" >&2
    BINARY=$($swift build "${flags[@]}" --show-bin-path)/sextant
fi
install -D -m 755 "$BINARY" "$tree/usr/bin/sextant"
strip --strip-unneeded --remove-section=.comment --remove-section=.note "$tree/usr/bin/sextant"

# --- What belongs to it ---
file() { install -D -m 644 "$1" "$tree/$2"; }
file deploy/systemd/sextant.service lib/systemd/system/sextant.service
file deploy/systemd/sextant.sysusers usr/lib/sysusers.d/sextant.conf
file deploy/debian/sextant.yaml etc/sextant/sextant.yaml
file retention.yaml etc/sextant/retention.yaml
for rule in rules/*.yml rules/*.kpi.yaml; do file "$rule" "etc/sextant/$rule"; done
file deploy/debian/sextant.default etc/default/sextant
(cd "$tree" && find etc -type f -printf '/%p\n' | LC_ALL=C sort) >"$scratch/conffiles"

doc=usr/share/doc/sextant
file README.md "$doc/README.md"
file rules/README.md "$doc/rules.md"
file deploy/debian/copyright "$doc/copyright"
while IFS= read -r page; do file "$page" "$doc/$page"; done < <(find docs -type f -name '*.md' | LC_ALL=C sort)
file deploy/grafana/dashboards/shop.json "$doc/examples/grafana-shop.json"
file deploy/prometheus/prometheus.yml "$doc/examples/prometheus.yml"
# The licences of what is linked in, as their packages give them.
checkouts=.build/checkouts
[[ $configuration != release || ! -d $scratch_path/checkouts ]] || checkouts=$scratch_path/checkouts
for checkout in "$checkouts"/*/; do
    name=$(basename -- "$checkout")
    for licence in "$checkout"LICENSE* "$checkout"NOTICE*; do
        [[ -f $licence ]] && file "$licence" "$doc/licenses/$name.$(basename -- "$licence")"
    done
done
pack() { gzip -9n >"$tree/$1"; chmod 644 "$tree/$1"; }
date=$(git log -1 --format=%cD 2>/dev/null || date -R)
{
    printf 'sextant (%s) unstable; urgency=medium\n\n' "$full_version"
    printf '  * Package of version %s; changelog.gz tells what is new.\n\n' "$version"
    printf ' -- The Sextant maintainers <sextant@localhost>  %s\n' "$date"
} | pack "$doc/changelog.Debian.gz"
pack "$doc/changelog.gz" <CHANGELOG.md
mkdir -p "$tree/usr/share/man/man1"
pack usr/share/man/man1/sextant.1.gz <deploy/debian/sextant.1
if [[ -s deploy/debian/lintian-overrides ]]; then
    file deploy/debian/lintian-overrides usr/share/lintian/overrides/sextant
fi

# --- What it needs: read from the program itself ---
printf 'Source: sextant\n\nPackage: sextant\nArchitecture: any\n' >"$scratch/debian/control"
# The Swift libraries that a debug build names belong to no package.
missing=()
[[ $configuration == release ]] || missing=(--ignore-missing-info -l"$(dirname "$(readlink -f "$(command -v swift)")")/../lib/swift/linux")
depends=$(cd "$scratch" && dpkg-shlibdeps -O "${missing[@]}" -edebian/sextant/usr/bin/sextant 2>/dev/null |
    sed -n 's/^shlibs:Depends=//p')
[[ -n $depends ]] || { echo "build-deb.sh: dpkg-shlibdeps says nothing" >&2; exit 1; }

# --- The package ---
size=$(du -k -s --apparent-size "$tree" | cut -f1)
mkdir -p "$tree/DEBIAN"
sed -e "s|@VERSION@|$full_version|; s|@ARCHITECTURE@|$architecture|; s|@SIZE@|$size|; s|@DEPENDS@|$depends|" \
    deploy/debian/control.in >"$tree/DEBIAN/control"
install -m 644 "$scratch/conffiles" "$tree/DEBIAN/conffiles"
install -m 755 deploy/debian/postinst deploy/debian/prerm deploy/debian/postrm "$tree/DEBIAN/"
(cd "$tree" && find . -type f ! -path './DEBIAN/*' ! -path './etc/*' -printf '%P\0' | LC_ALL=C sort -z |
    xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
mkdir -p "$output"
package=$output/sextant_${full_version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz --build "$tree" "$package" >&2

if [[ -n $check ]] && command -v lintian >/dev/null; then
    # A debug build looks for the Swift libraries in the compiler's folder, which no real package may.
    suppressed=()
    [[ $configuration == release ]] || suppressed=(--suppress-tags custom-library-search-path)
    lintian --fail-on error "${suppressed[@]}" "$package" >&2
fi
echo "$package"
