"""A Celery application with the task that every measurement runs: celery -A drain worker; URL is in the environment."""

import os

from celery import Celery

app = Celery('drain', broker=os.environ['URL'], backend='rpc://')
app.conf.update(task_acks_late=True, broker_connection_retry_on_startup=True)


@app.task(name='bench.add')
def add(x, y):
    return x + y
