"""Sends COUNT tasks as an ordinary Celery application does, and prints their ids.

usage: send_many.py URL QUEUE TASK COUNT [ARGUMENT ...]
"""
import sys

from celery import Celery

url, queue, task, count, *arguments = sys.argv[1:]
app = Celery(broker=url, backend='rpc://')
ids = []
with app.producer_pool.acquire(block=True) as producer:
    for _ in range(int(count)):
        ids.append(app.send_task(task, args=[int(text) for text in arguments], queue=queue, producer=producer).id)
# Closing waits for the broker's answer, which comes after it took everything sent before.
app.close()
print('\n'.join(ids))
