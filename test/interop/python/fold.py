"""What celery.events.state.State computes from the events on standard input, a JSON array, in their order."""

import json
import sys

from celery.events.state import State

state = State()
for event in json.load(sys.stdin):
    state.event(event)

TASK = ("state", "name", "args", "kwargs", "retries", "root_id", "result", "exception", "traceback", "runtime", "timestamp",
        "clock", "received", "started", "succeeded", "failed", "retried")
WORKER = ("pid", "active", "processed", "sw_ident", "sw_ver", "sw_sys")
print(json.dumps({
    "tasks": {
        uuid: dict({field: getattr(task, field) for field in TASK}, worker=task.worker.hostname)
        for uuid, task in state.tasks.items()
    },
    "workers": {node: {field: getattr(worker, field) for field in WORKER} for node, worker in state.workers.items()},
}))
