"""What celery.events.state.State makes of the events of a cluster; prints it as JSON for each line that it reads."""

import json
import os
import sys
import threading

from celery.events.state import State

from proj import app

lines = os.fdopen(os.dup(1), "w", buffering=1)
sys.stdout = sys.stderr
state = State()
FIELDS = ("name", "state", "args", "kwargs", "result", "exception", "runtime", "retries", "root_id", "parent_id",
          "received", "started", "timestamp")


def seen():
    tasks = {
        uuid: {
            **{field: getattr(task, field) for field in FIELDS},
            "worker": task.worker.hostname if task.worker else None,
        }
        for uuid, task in state.tasks.items()
    }
    workers = {name: {field: getattr(worker, field) for field in ("active", "processed", "sw_ident", "pid")}
               for name, worker in state.workers.items()}
    return {"tasks": tasks, "workers": workers, "task_count": state.task_count}


def answer():
    for _ in sys.stdin:
        with state._mutex:
            lines.write(json.dumps(seen()) + "\n")


class Receiver(app.events.Receiver):
    def on_consume_ready(self, *args, **kwargs):
        lines.write('"ready"\n')


threading.Thread(target=answer, daemon=True).start()
with app.connection_for_read() as connection:
    Receiver(connection, handlers={"*": state.event}).capture(limit=None, timeout=None)
