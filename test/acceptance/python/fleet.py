"""A Celery application with one task, for workers beside ours: celery -A fleet worker; URL and QUEUE are in the environment."""

import os

from celery import Celery

app = Celery('fleet', broker=os.environ['URL'], backend='rpc://')
app.conf.update(
    task_default_queue=os.environ['QUEUE'],
    worker_send_task_events=True,
    broker_connection_retry_on_startup=True,
    broker_connection_timeout=30,  # by default four seconds, in which a busy machine may not answer
)


@app.task(name='acceptance.work')
def work(milliseconds):
    return milliseconds
