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
  (
    cd "$project" || exit
    # labflake of .venv, which Python has compiled; where that is not complete, of the wheel, which makes it.
    if [ -x .venv/bin/python ] && [ -e .venv/labflake-environment ]; then
      exec .venv/bin/python -m labflake.environment --brief
    fi
    PYTHONPATH="vendor:$(echo vendor/labflake-*.whl)" exec "$PROJECT_PYTHON" -S -m labflake.environment --brief
  ) || true
  export VIRTUAL_ENV="$project/.venv" PATH="$project/.venv/bin:$PATH"
fi
unset project
