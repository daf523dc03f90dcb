"""Workflows with ids of our own choosing: sends those described on stdin, waits for their ends, prints what Redis holds.

A workflow is {"do": "note" | "fail"}, {"group": [...]}, {"chain": [...]} or {"chord": [...], "body": ...}.
"""

import json
import sys
import time

import celery.canvas
from celery import chain, chord, group, signature

from proj import app


@app.task(name="note")
def note(*args):
    """Says what it was given: a workflow's result tells how it was put together."""
    return list(args)


@app.task(name="fail")
def fail(*args):
    raise ValueError("bad", args[-1])


@app.task(name="errback")
def errback(task_id):
    return task_id


class Ids:
    """The same ids in the same order each time, but for the run they begin with."""

    def __init__(self, run):
        self.run, self.shape, self.count = run, 0, 0

    def __call__(self):
        self.count += 1
        return f"{self.run}-0000-4000-{self.shape:04x}-{self.count:012x}"


def built(shape, queues, labels):
    if "do" in shape:
        labels.append(len(labels))
        options = {"queue": queues[len(labels) % len(queues)]}
        made = signature(shape["do"], args=(f"n{len(labels)}",), options=options, app=app)
    elif "group" in shape:
        made = group([built(one, queues, labels) for one in shape["group"]], app=app)
    elif "chain" in shape:
        made = chain(*[built(one, queues, labels) for one in shape["chain"]], app=app)
    else:
        header = [built(one, queues, labels) for one in shape["chord"]]
        made = chord(header, built(shape["body"], queues, labels), app=app)
    if shape.get("errback"):
        made.link_error(signature("errback", options={"queue": queues[0]}, app=app))
    if shape.get("link"):
        made.link(signature("note", args=("linked",), options={"queue": queues[0]}, app=app))
    return made


def dump(client):
    found = {}
    for key in client.scan_iter(match="celery-task*", count=1000):
        name = key.decode()
        if client.type(key) == b"zset":
            found[name] = [json.loads(part) for part in client.zrange(key, 0, -1)]
        else:
            value = client.get(key)
            found[name] = value and json.loads(value)
    return found


def leaves(tuple_):
    (id_, _), members = tuple_
    return [id_] if members is None else [leaf for member in members for leaf in leaves(member)]


def main(run, queues):
    client = app.backend.client
    celery.canvas.uuid = ids = Ids(run)
    ends = []
    for number, shape in enumerate(json.load(sys.stdin)):
        ids.shape, ids.count = number, 0
        made = built(shape, queues, [])
        result = made.apply_async(**({"task_id": ids()} if "do" in shape else {}))
        ends.append(leaves(json.loads(json.dumps(result.as_tuple()))))
    before, calm, until = None, 0, time.monotonic() + 120
    # A task that takes its turn after all that is in the queues now; twice without a change, and nothing more will come.
    while calm < 2 and time.monotonic() < until:
        for queue in queues:
            app.send_task("note", ["turn"], queue=queue, task_id=f"turn-{queue}-{time.monotonic()}").get(timeout=60)
        now = {key: value for key, value in dump(client).items() if run in key or run in json.dumps(value)}
        settled = all(now.get(f"celery-task-meta-{end}", {}).get("status") in ("SUCCESS", "FAILURE")
                      for one in ends for end in one)
        calm = calm + 1 if now == before and (settled or calm or "--all" not in sys.argv) else 0
        before = now
    print(json.dumps({"ends": ends, "keys": before}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(","))
