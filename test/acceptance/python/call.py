"""Calls tasks as an ordinary Celery application does, and prints what it saw as JSON.

usage: call.py URL QUEUE STEPS
"""
import json
import sys

import steady_results  # noqa: F401
from celery import Celery

url, queue, steps = sys.argv[1:]
app = Celery(broker=url, backend='rpc://')
app.conf.broker_connection_timeout = 30  # by default four seconds, in which a busy machine may not answer
app.conf.task_default_queue = queue


@app.task(name='process')
def process(total):
    """Known here by its name and arguments only."""


def outcome(result):
    try:
        return {'value': result.get(timeout=30)}
    except Exception as error:
        return {'raised': type(error).__name__, 'module': type(error).__module__, 'args': list(error.args)}


seen = []
process.delay(int(steps)).get(timeout=30 + int(steps), on_message=seen.append)

print(json.dumps({
    'welcome': outcome(app.send_task('send_welcome_email', args=[42])),
    'failure': outcome(app.send_task('acceptance.fail', args=['no such user'])),
    'surplus': outcome(app.send_task('add', args=[1, 2, 3])),
    'states': [[meta['status'], meta['result']] for meta in seen],
}))
