"""Celery's own command line, many times in one process: `["inspect", "ping"]` on stdin, {"status", "output"} on stdout.

Importing Celery takes a second or two; all else is as in `python3 -m celery`.
"""

import contextlib
import io
import json
import os
import sys

from celery.bin.celery import main

answers = os.fdopen(os.dup(1), "w", buffering=1)


def run(args):
    """What `celery` followed by these arguments prints, and its exit status."""
    output = io.StringIO()
    sys.argv = ["celery", "-b", os.environ["BROKER_URL"], *args]
    try:
        with contextlib.redirect_stdout(output):
            main()
        status = 0
    except SystemExit as ended:
        status = ended.code or 0
    return {"status": status, "output": output.getvalue()}


print("ready", file=sys.stderr, flush=True)
for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), file=answers, flush=True)
