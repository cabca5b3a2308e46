# shellcheck shell=bash
# Sourced when the environment of flake.nix is entered: .venv becomes what poetry.lock says (`make env`,
# the same as without Nix; at once if it already is), and its programs come first on the PATH.

# Nix sets these for building packages, an outer environment may have set the others; they would
# disturb Python and what it installs.
unset PYTHONPATH PYTHONHOME PYTHONHASHSEED PYTHONNOUSERSITE SOURCE_DATE_EPOCH \
  _PYTHON_HOST_PLATFORM _PYTHON_SYSCONFIGDATA_NAME VIRTUAL_ENV CONDA_PREFIX

project=$PWD
while [ "$project" != / ] && ! grep -qs "^\[tool.labflake\]" "$project/pyproject.toml"; do
  project=$(dirname "$project")
done
if [ "$project" != / ]; then
  (cd "$project" && PYTHONPATH="vendor:$(echo vendor/labflake-*.whl)" exec "$PROJECT_PYTHON" -S -m labflake.environment --brief) || true
  export VIRTUAL_ENV="$project/.venv" PATH="$project/.venv/bin:$PATH"
fi
unset project
