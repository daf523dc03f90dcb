"""The stamps of each task that a group replaces another with, where `on_replace` puts them on by a visitor: by name, as JSON."""

import json

from celery import Celery, Task, group, signature
from celery.canvas import StampingVisitor

app = Celery("stamped", set_as_current=True)


class Marks(StampingVisitor):
    def on_signature(self, sig, **headers):
        return {"customer": "acme"}


class Replaces(Task):
    def on_replace(self, sig):
        sig.stamp(Marks())
        self.replacement = sig


@app.task(name="replaces", bind=True, base=Replaces)
def replaces(self):
    return self.replace(group([one("a"), one("b")], app=app))


def one(name):
    return signature(name, app=app)


def stamps_in(sig, found):
    sig = json.loads(json.dumps(sig))
    options, kwargs = sig["options"], sig["kwargs"]
    if not sig["subtask_type"]:
        names = sorted(set(options.get("stamped_headers", [])))
        found[sig["task"]] = {name: options[name] for name in names if name in options}
    for inner in [*kwargs.get("tasks", []), kwargs.get("header"), kwargs.get("body"),
                  *listed(options.get("link")), *listed(options.get("link_error"))]:
        for each in listed(inner):
            stamps_in(each, found)
    return found


def listed(value):
    return value if isinstance(value, list) else [] if value is None else [value]


links = {"callbacks": [one("callback")], "errbacks": [one("errback")], "chain": [one("last")]}
replaces.push_request(id="id", root_id="id", **links)
replaces.run()
print(json.dumps(stamps_in(replaces.replacement, {}), sort_keys=True))
