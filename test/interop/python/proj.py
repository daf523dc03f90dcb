"""A Celery application as anybody writes it: the Python side of the interop tests, as caller and as worker."""

import os
import time

from celery import Celery

app = Celery("proj", broker=os.environ["BROKER_URL"], backend=os.environ.get("RESULT_BACKEND", "rpc://"))
app.conf.update(
    broker_connection_retry_on_startup=True,
    task_default_queue=os.environ.get("QUEUE", "celery"),
    task_track_started=True,
    worker_hijack_root_logger=False,
    result_extended=bool(os.environ.get("CELERY_RESULT_EXTENDED")),
)


@app.task(name="add")
def add(x, y):
    return x + y


@app.task(name="mul")
def mul(x, y):
    return x * y


@app.task(name="boom")
def boom(message="boom"):
    raise ValueError(message)


@app.task(name="progress", bind=True)
def progress(self, total):
    for current in range(1, total + 1):
        self.update_state(state="PROGRESS", meta={"current": current, "total": total})
    return {"current": total, "total": total}


@app.task(name="sleep")
def sleep(seconds):
    time.sleep(seconds)
    return seconds


@app.task(name="echo")
def echo(*args, **kwargs):
    return {"args": args, "kwargs": kwargs}
