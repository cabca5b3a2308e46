#!/usr/bin/env bash
# get-nix.sh SUITE PREFIX: a current Nix, and direnv, from the packages of Debian SUITE, unpacked beside
# the system. No root, nothing installed, no file outside PREFIX; needs apt, dpkg and patchelf. The packages come from
# where this machine's own come from, and their signatures are checked.
set -euo pipefail
suite=$1 prefix=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck disable=SC2016  # the dollars are apt-get's
mirror=$(apt-get indextargets --format '$(SITE) $(REPO_URI)' 'Created-By: Packages' |
  awk '$2 ~ /\/debian\/?$/ { print $2; exit }')
if [ -z "$mirror" ]; then
  echo "get-nix.sh: this machine gets no packages from a Debian archive" >&2
  exit 1
fi
keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keys] $mirror $suite main" >"$work/sources.list"
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/prefix/unpacked"

# As if nothing were installed: the libraries of the system, libc first, are too old for this Nix.
apt() {
  apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::State::lists="$work/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$work" \
    -o Dir::Cache::archives="$work/archives" -o Debug::NoLocking=1 -o Acquire::Retries=5 \
    -o APT::Sandbox::User= -o APT::Install-Recommends=false "$@"
}
apt update
apt install --download-only -y nix-bin direnv >/dev/null
for package in "$work"/archives/*.deb; do dpkg -x "$package" "$work/prefix/unpacked"; done

# The program names its own loader and libraries. (A script that calls the loader would not do: Nix
# starts its helpers by /proc/self/exe.)
mkdir -p "$prefix"
unpacked=$prefix/unpacked program=$work/prefix/bin/nix
mkdir "$work/prefix/bin"
cp "$work/prefix/unpacked/usr/bin/nix" "$program"
loader=$(patchelf --print-interpreter "$program")
[ -e "$work/prefix/unpacked$loader" ] || loader=/usr$loader
triple=$(basename "$(dirname "$(find "$work/prefix/unpacked" -name 'libc.so.6' -print -quit)")")
libraries=$unpacked/usr/lib/nix:$unpacked/usr/lib/$triple/nix:$unpacked/usr/lib/$triple:$unpacked/lib/$triple
patchelf --set-interpreter "$unpacked$loader" --force-rpath --set-rpath "$libraries" "$program"
cp "$work/prefix/unpacked/usr/bin/direnv" "$work/prefix/bin/"
for name in build instantiate store; do ln -s nix "$work/prefix/bin/nix-$name"; done

rm -rf "$prefix"
mv "$work/prefix" "$prefix"
"$prefix/bin/nix" --version
