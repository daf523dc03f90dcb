"""Sends COUNT tasks as an ordinary Celery application does, and prints their ids.

usage: send_many.py URL QUEUE[=TYPE] TASK COUNT [ARGUMENT ...]
"""
import sys

from celery import Celery
from kombu import Queue

url, queue, task, count, *arguments = sys.argv[1:]
app = Celery(broker=url, backend='rpc://')
app.conf.broker_connection_timeout = 30  # by default four seconds, in which a busy machine may not answer
queue, _, kind = queue.partition('=')
if kind:
    app.conf.task_queues = [Queue(queue, queue_arguments={'x-queue-type': kind})]
ids = []
with app.producer_pool.acquire(block=True) as producer:
    for _ in range(int(count)):
        ids.append(app.send_task(task, args=[int(text) for text in arguments], queue=queue, producer=producer).id)
# Closing waits for the broker's answer, which comes after it took everything sent before.
app.close()
print('\n'.join(ids))
