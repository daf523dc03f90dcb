"""A Celery application as anybody writes it: the Python side of the interop tests, as caller and as worker."""

import os
import time

from celery import Celery, group

app = Celery("proj", broker=os.environ["BROKER_URL"], backend=os.environ.get("RESULT_BACKEND", "rpc://"))
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_connection_timeout=30,  # by default four seconds, in which a busy machine may not answer
    task_default_queue=os.environ.get("QUEUE", "celery"),
    task_track_started=True,
    worker_hijack_root_logger=False,
    result_extended=bool(os.environ.get("CELERY_RESULT_EXTENDED")),
)
if os.environ.get("QUORUM"):  # as Celery 5.5 and later want it for native delayed delivery
    app.conf.update(
        task_default_queue_type="quorum",
        task_default_exchange_type="topic",
        broker_transport_options={"confirm_publish": True},
        broker_native_delayed_delivery_queue_type=os.environ["QUORUM"],
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


class CardDeclined(Exception):
    pass


@app.task(name="decline")
def decline(reason, code):
    raise CardDeclined(reason, code)


@app.task(name="progress", bind=True)
def progress(self, total):
    for current in range(1, total + 1):
        self.update_state(state="PROGRESS", meta={"current": current, "total": total})
    return {"current": total, "total": total}


@app.task(name="sleep")
def sleep(seconds):
    time.sleep(seconds)
    return seconds


@app.task(name="at")
def at():
    return {"at": time.time() * 1000, "by": "Python"}


@app.task(name="give_up", bind=True, max_retries=0)
def give_up(self, *args, **kwargs):
    raise self.retry()


@app.task(name="hand_over", bind=True)
def hand_over(self, to=None, countdown=0):
    """Retries once, in another queue where one is given; then says as what it was sent."""
    request = self.request
    if request.retries == 0:
        raise self.retry(exc=OSError("elsewhere"), countdown=countdown, queue=to)
    fields = ("id", "retries", "root_id", "parent_id", "origin", "shadow", "expires", "timelimit", "group",
              "reply_to", "correlation_id", "argsrepr", "callbacks", "errbacks")
    sent_as = {field: getattr(request, field) for field in fields}
    sent_as["chain"] = list(request.chain or ())  # Celery empties it when the task has ended
    return {**sent_as, "priority": request.delivery_info["priority"], "tenant": request.get("tenant")}


@app.task(name="sent_as", bind=True)
def sent_as(self, *args, **kwargs):
    """Says what it was called with, and how it was sent."""
    fields = ("argsrepr", "kwargsrepr", "expires", "stamped_headers", "stamps")
    return {"args": args, "kwargs": kwargs, **{field: getattr(self.request, field, None) for field in fields}}


@app.task(name="insistent", bind=True, max_retries=0)
def insistent(self, limit, expires=None):
    """Retries as often as it is told, or once with a retry that expires."""
    retries = self.request.retries
    if expires is not None and retries == 0:
        raise self.retry(countdown=2, expires=expires, max_retries=limit)
    if expires is None and retries < limit:
        raise self.retry(countdown=0, max_retries=limit)
    return retries


@app.task(name="hands_on")
def hands_on(queue):
    """Returns the handle of a task, or of a chain."""
    return add.apply_async((1, 2), queue=queue)


@app.task(name="hands_on_chain")
def hands_on_chain(queue):
    return (add.s(1, 2).set(queue=queue) | add.s(3).set(queue=queue)).apply_async()


@app.task(name="hands_on_group")
def hands_on_group(queue):
    return (add.s(1, 2).set(queue=queue) | group(add.s(1).set(queue=queue), add.s(2).set(queue=queue))).apply_async()


@app.task(name="total")
def total(numbers):
    return sum(numbers)


@app.task(name="echo")
def echo(*args, **kwargs):
    return {"args": args, "kwargs": kwargs}


@app.task(name="same")
def same(value):
    return value


@app.task(name="shown")
def shown(value):
    return repr(value)


@app.task(name="silent", ignore_result=True)
def silent():
    return 1


@app.task(name="unsendable")
def unsendable():
    return object()
