# shellcheck shell=bash disable=SC2154  # the variables are those of the derivation
# Builder of a package: links to programs and libraries of the host, and the hooks of Python.
mkdir -p "$out/bin"
for entry in $programs; do
  name=${entry%%=*} target=${entry#*=}
  if [ -n "$target" ]; then
    ln -s "$target" "$out/bin/$name"
  else
    printf '#!/bin/sh\necho "stand-in for nixpkgs: this host has no %s" >&2\nexit 127\n' "$name" >"$out/bin/$name"
    chmod +x "$out/bin/$name"
  fi
done
for library in $libraries; do
  mkdir -p "$out/lib"
  cp -L "$library" "$out/lib/"
done
if [ -n "${leak:-}" ]; then
  mkdir -p "$out/$leak"
  echo 'raise ImportError("the packages of a Nix program reached the project")' >"$out/$leak/numpy.py"
fi
if [ "${hook:-}" = python ]; then
  mkdir -p "$out/nix-support"
  cat >"$out/nix-support/setup-hook" <<'HOOK'
addPythonPath() {
  if [ -d "$1/lib/python3.12/site-packages" ]; then
    export PYTHONPATH="${PYTHONPATH:-}${PYTHONPATH:+:}$1/lib/python3.12/site-packages"
  fi
}
envHooks+=(addPythonPath)
export DETERMINISTIC_BUILD=1 PYTHONHASHSEED=0 PYTHONNOUSERSITE=1
HOOK
fi
