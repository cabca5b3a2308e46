# shellcheck shell=bash disable=SC1091,SC2043  # the hooks and @initial@ come from default.nix
# What a shell sees of nixpkgs' stdenv: the PATH, the hooks of the packages, and the variables that surprise.
envHooks=() _path=
for _p in ${nativeBuildInputs:-}; do
  _path=$_path${_path:+:}$_p/bin
  if [ -f "$_p/nix-support/setup-hook" ]; then . "$_p/nix-support/setup-hook"; fi
done
for _hook in "${envHooks[@]}"; do for _p in $nativeBuildInputs; do "$_hook" "$_p"; done; done
PATH=$_path
for _p in @initial@; do PATH=$PATH:$_p; done
HOST_PATH=$PATH
export PATH HOST_PATH
export SOURCE_DATE_EPOCH=315532800 TZ=UTC NIX_ENFORCE_NO_NATIVE=1 SHELL=/bin/bash
unset _p _path _hook
