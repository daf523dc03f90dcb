"""Traces Celery in the headers of messages as opentelemetry-instrumentation-celery does, with its names of spans.

Neither the instrumentation nor an SDK is needed. Each span is a line of the file SPANS: by whom, name, kind, trace, span, parent.
"""

import json
import os
import secrets

from celery import chord, signals

from proj import app

active = []  # the contexts of this thread, the innermost last: (trace, span)


def begin(name, kind, parent):
    trace = parent[0] if parent else secrets.token_hex(16)
    context = (trace, secrets.token_hex(8))
    record = {"by": "Python", "name": name, "kind": kind, "trace": trace, "span": context[1]}
    with open(os.environ["SPANS"], "a") as spans:
        print(json.dumps({**record, "parent": parent[1] if parent else None}), file=spans)
    return context


def request(name, code):
    """Runs code as a web framework that is instrumented runs the handler of a request."""
    active.append(begin(name, "server", None))
    try:
        return code()
    finally:
        active.pop()


@signals.before_task_publish.connect
def before_publish(sender, headers, **_):
    trace, span = begin(f"apply_async/{sender}", "producer", active[-1] if active else None)
    headers["traceparent"] = f"00-{trace}-{span}-01"
    headers["baggage"] = "tenant=acme"


@signals.task_prerun.connect
def before_run(task, **_):
    traceparent = getattr(task.request, "traceparent", None)  # where its getter looks for it
    parent = traceparent.split("-")[1:3] if traceparent else None
    active.append(begin(f"run/{task.name}", "consumer", parent))


@signals.task_postrun.connect
def after_run(**_):
    active.pop()


@app.task(name="charge")
def charge(queue):
    """Sends a chord whose header and body run elsewhere."""
    header = [app.signature(name, queue=queue) for name in ("grow", "part")]
    return chord(header, app.signature("total", queue=queue))().id
