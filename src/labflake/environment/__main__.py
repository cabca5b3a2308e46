"""`python -m labflake.environment [--brief] [FOLDER]`, and `add`, `lock` in a project's folder."""

import sys

from . import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
