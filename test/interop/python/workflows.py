"""Workflows with ids of our own choosing: sends those described on stdin, waits for their ends, prints what Redis holds.

test/canvas/shapes.ts says what describes one. With --sent somebody else has sent them: stdin has their results.
"""

import contextlib
import functools
import json
import sys
import time

import celery.canvas
from celery import chain, chord, group, signature
from celery.canvas import _chain, chunks, xmap, xstarmap

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


@app.task(name="told", bind=True)
def told(self, *args, **named):
    """Says what it was sent with."""
    request = self.request
    stamped, stamps = getattr(request, "stamped_headers", None), getattr(request, "stamps", None)
    return [list(args), named, sorted(stamped or []), stamps or {}, request.delivery_info.get("priority") or 0]


@app.task(name="replaced", bind=True)
def replaced(self, *args):
    *_, how = args
    step = signature("note", args=("one",), app=app)
    if how == "task":
        return self.replace(step)
    if how == "stamped":
        return self.replace(signature("told", args=("one",), app=app))
    if how == "chord":
        header = [step, signature("note", args=("two",), app=app)]
        return self.replace(chord(header, signature("note", args=("body",), app=app), app=app))
    if how == "chain":
        return self.replace(chain(step, signature("note", args=("two",), app=app), app=app))
    return self.replace(group([step, signature("note", args=("two",), app=app)], app=app))


@app.task(name="send")
def send_others(*args):
    def one(text):
        return signature("note", args=(text,), app=app)

    one("alone").apply_async()
    group([one("one"), one("two")], app=app).apply_async()
    chain(one("first"), one("last"), app=app).apply_async()
    chord([one("header")], one("body"), app=app).apply_async()
    return list(args)


@app.task(name="grow", bind=True)
def grow(self, *args):
    self.add_to_chord(signature("note", args=("more",), app=app))
    return list(args)


@app.task(name="hold")
def hold(key):
    """Keeps a worker that runs one task at a time from the ones behind this, until something is pushed to the key."""
    app.backend.client.blpop(key, timeout=60)


class Ids:
    """The same ids in the same order each time, but for the run they begin with; those of the tasks are by their labels."""

    def __init__(self, run):
        self.run, self.shape, self.count = run, 0, 0

    def __call__(self):
        self.count += 1
        return self.of(0x1000 + self.count)

    def of(self, label):
        return f"{self.run}-0000-4000-{self.shape:04x}-{label:012x}"


def task(shape, queues, ids, label):
    options = {"queue": queues[label % len(queues)], "task_id": ids.of(label)}
    name, args = shape["do"], shape.get("args", [f"n{label}"])
    if name == "chunks":
        return chunks(signature("note", app=app), shape["args"], 2, app=app, queue=options["queue"])
    if "priority" in shape:
        options["priority"] = shape["priority"]
    if "stamps" in shape:
        options.update(shape["stamps"], stamped_headers=list(shape["stamps"]))
    if name in ("map", "starmap"):
        mapping = {"map": xmap, "starmap": xstarmap}[name]
        return mapping(signature("note", app=app), shape["args"], app=app, **options)
    immutable = shape.get("immutable", False)
    return signature(name, args=tuple(args), kwargs=shape.get("kwargs", {}), options=options, immutable=immutable, app=app)


def joined(before, step):
    """`before | step`, as it is from Celery 5.3 on: the steps of a chain one by one, and a group into the body of a chord."""
    if isinstance(step, _chain):
        return functools.reduce(joined, step.tasks, before)
    end = before.tasks[-1] if isinstance(before, _chain) else before
    if isinstance(end, chord) and isinstance(step, group):
        end.body = joined(end.body, step)
        return before
    return before | step


def built(shape, queues, labels, ids):
    if "do" in shape:
        labels.append(len(labels))
        made = task(shape, queues, ids, len(labels))
    elif "group" in shape:
        made = group([built(one, queues, labels, ids) for one in shape["group"]], app=app)
    elif "chain" in shape:
        steps = [built(one, queues, labels, ids) for one in shape["chain"]]
        made = chain(*steps, app=app) if shape.get("apart") else functools.reduce(joined, steps)
    else:
        header = [built(one, queues, labels, ids) for one in shape["chord"]]
        made = chord(header, built(shape["body"], queues, labels, ids), app=app)
    if shape.get("errback"):
        made.link_error(signature("errback", options={"queue": queues[0]}, app=app))
    link = shape.get("link")
    if link:
        first, second = (signature("note", args=(text,), options={"queue": queues[0]}, app=app)
                         for text in ("linked", "then" if link == "chain" else "too"))
        if link == "chain":
            made.link(chain(first, second, app=app))
        elif link == "group":
            made.link(group([first, second], app=app))
        else:
            made.link(first)
        if link == "two":
            made.link(second)
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


@contextlib.contextmanager
def held(run, queues):
    """Lets nothing run meanwhile: a sender that is slower than a worker changes which part of a chord ends last."""
    for queue in queues:
        app.send_task("hold", [f"go-{run}"], queue=queue)
    yield
    app.backend.client.rpush(f"go-{run}", *queues)


def send(run, queues, shapes):
    """Answers with the result of each, as a tuple with all that was before it."""
    celery.canvas.uuid = ids = Ids(run)
    for number, shape in enumerate(shapes):
        ids.shape, ids.count = number, 0
        made = built(shape, queues, [], ids)
        # What a map is to be sent with is not among the things that it sends itself with.
        options = made.options if shape.get("do") in ("map", "starmap", "chunks") else {}
        yield json.loads(json.dumps(made.apply_async(**options).as_tuple()))


def main(run, queues):
    client = app.backend.client
    given = json.load(sys.stdin)
    with contextlib.nullcontext() if "--sent" in sys.argv else held(run, queues):
        results = given if "--sent" in sys.argv else list(send(run, queues, given))
    # Of chunks that a worker sends, nobody is told the ids.
    lost = [number for number, shape in enumerate(given) if "chain" in shape and shape["chain"][-1].get("do") == "chunks"]
    ends = [leaves(result) for number, result in enumerate(results) if number not in lost]
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
    print(json.dumps({"results": results, "keys": before}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(","))
