"""What Celery's own monitors make of a worker: one JSON line for each event, with the state that Celery then computes."""

import json
import os
import sys

from celery.events.state import State

from proj import app

lines = os.fdopen(os.dup(1), "w", buffering=1)
sys.stdout = sys.stderr
state = State()


def on_event(event):
    state.event(event)
    seen = {"event": {key: value for key, value in event.items() if key != "local_received"}}
    if event["type"].startswith("task-"):
        task = state.tasks[event["uuid"]]
        fields = ("name", "state", "args", "result", "runtime", "exception", "traceback", "retries", "root_id")
        seen["task"] = {field: getattr(task, field) for field in fields}
    worker = state.workers.get(event["hostname"])
    if worker is not None:
        seen["worker"] = {field: getattr(worker, field) for field in ("alive", "active", "processed", "sw_ident", "freq")}
    lines.write(json.dumps(seen) + "\n")


class Monitor(app.events.Receiver):
    def on_consume_ready(self, *args, **kwargs):
        lines.write('"ready"\n')


with app.connection_for_read() as connection:
    # Until whoever started it has seen enough.
    Monitor(connection, handlers={"*": on_event}).capture(limit=None, timeout=None)
