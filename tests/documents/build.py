"""Build documents one after the other in this process; print one line of JSON for each."""

import json
import sys
import time
from pathlib import Path

from labflake.documents.document import build
from labflake.documents.making import outputs
from labflake.errors import LabError

for name in sys.argv[1:]:
    begin = time.perf_counter()
    answer = {"source": name, "error": None, "reads": [], "listed": [], "warnings": []}
    try:
        built = build(Path(name))
        answer["reads"] = [str(p) for p in built.reads]
        answer["listed"] = [str(p) for p in built.listed]
        answer["warnings"] = built.warnings
    except LabError as error:
        answer["error"] = str(error)
    answer["outputs"] = [p.name for p in outputs(Path(name).absolute()) if p.exists()]
    answer["seconds"] = round(time.perf_counter() - begin, 2)
    print(json.dumps(answer), flush=True)
