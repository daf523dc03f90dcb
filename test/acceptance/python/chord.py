"""Starts a chord of COUNT tasks as an ordinary Celery application does, and prints its body's id and result as JSON.

usage: chord.py URL REDIS QUEUE COUNT MILLISECONDS
"""
import json
import sys

from celery import Celery, chord

url, redis, queue, count, milliseconds = sys.argv[1:]
app = Celery(broker=url, backend=redis)
app.conf.broker_connection_timeout = 30  # by default four seconds, in which a busy machine may not answer
header = [app.signature('acceptance.work', [int(milliseconds)], queue=queue) for _ in range(int(count))]
body = chord(header)(app.signature('acceptance.collect', queue=queue))
print(json.dumps({'id': body.id, 'value': body.get(timeout=600)}))
