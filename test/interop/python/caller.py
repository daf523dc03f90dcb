"""A Celery client driven by JSON lines: {"id", "op", "params"} on stdin, {"id", "ok" | "error"} on stdout.

One process answers many requests, in order and on one thread: rpc results belong to the thread that sent the task.
"""

import datetime  # noqa: F401  the modules that expressions for evaluate() want
import decimal  # noqa: F401
import json
import os
import sys
import traceback
import uuid  # noqa: F401

import steady_results  # noqa: F401
from celery import chain, chord, group, signature  # noqa: F401  and the workflows
from celery.canvas import xmap  # noqa: F401
from kombu import Exchange, Queue
from proj import app

answers = os.fdopen(os.dup(1), "w", buffering=1)
sys.stdout = sys.stderr  # whatever a library prints must not look like an answer
results = {}


def send_task(name, args=(), kwargs=None, **options):
    """Sends by name. Also with count=n: the same task n times; answers with the ids."""
    count = options.pop("count", None)
    sent = [app.send_task(name, args, kwargs or {}, **options) for _ in range(count or 1)]
    results.update((result.id, result) for result in sent)
    return sent[0].id if count is None else [result.id for result in sent]


def delay(name, args=(), kwargs=None):
    """Sends a task that this application defines, with task.delay()."""
    result = app.tasks[name].delay(*args, **(kwargs or {}))
    results[result.id] = result
    return result.id


def get(id, timeout=30):
    return results[id].get(timeout=timeout)


def get_all(ids, timeout=60):
    return [results[id].get(timeout=timeout) for id in ids]


def watch(id, timeout=30, opener=None):
    """Waits for the result; answers with every state message that arrived on the way, as Celery decoded it.

    Once it waits, it sends the task named `opener`: what is told before anybody waits is not seen with every backend.
    """
    seen = []
    due = [opener] if opener else []

    def on_message(message):
        seen.append({key: message[key] for key in ("task_id", "status", "result", "traceback", "children")})

    def on_interval():
        if due:
            app.send_task(due.pop())

    results[id].get(timeout=timeout, propagate=False, on_interval=on_interval, on_message=on_message)
    return [message for message in seen if message["task_id"] == id]


def state(id):
    result = results[id]
    return {"state": result.state, "info": result.info}


def inspect(command, timeout=1.0, destination=None, **arguments):
    """app.control.inspect().<command>(): the replies of all workers by name, or null."""
    return getattr(app.control.inspect(timeout=timeout, destination=destination), command)(**arguments)


def broadcast(command, **options):
    """app.control.broadcast(): a list with one {name: reply} for each worker that answered."""
    return app.control.broadcast(command, **{"reply": True, "timeout": 1.0, **options})


def purge(queue):
    with app.connection_for_write() as connection:
        return connection.default_channel.queue_purge(queue)


def declare(name, exchange=None, type="direct", **options):
    """Declares a kombu Queue and the Exchange it is bound to, and has the application know it, as of task_queues."""
    queue = Queue(name, None if exchange is None else Exchange(exchange, type=type), **options)
    with app.connection_for_write() as connection:
        queue(connection.default_channel).declare()
    app.amqp.queues.add(queue)


def evaluate(expression):
    return eval(expression, globals())


OPERATIONS = {f.__name__: f for f in (
    send_task, delay, get, get_all, watch, state, inspect, broadcast, purge, declare, evaluate)}


def described(error):
    cls = type(error)
    return {
        "type": cls.__name__,
        "module": cls.__module__,
        "bases": [base.__name__ for base in cls.__mro__],
        "message": str(error),
        "args": error.args,
        "traceback": "".join(traceback.format_exception(cls, error, error.__traceback__)),
    }


def plain(value):
    """JSON for whatever a result holds: an exception becomes what Python says of it, anything else its repr."""
    return described(value) if isinstance(value, BaseException) else repr(value)


def answer(request):
    try:
        return {"id": request["id"], "ok": OPERATIONS[request["op"]](**request["params"])}
    except Exception as error:
        return {"id": request["id"], "error": described(error)}


print("ready", file=sys.stderr, flush=True)
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line)), default=plain), file=answers, flush=True)
