"""Looks up results as an ordinary Celery application does, of tasks that return their own id, and counts them as JSON.

usage: read_results.py REDIS_URL FILE_WITH_IDS
"""
import json
import sys

from celery import Celery

url, path = sys.argv[1:]
app = Celery(backend=url)
seen = {'right': 0, 'wrong': 0, 'missing': 0}
with open(path) as ids:
    for ident in ids.read().split():
        meta = app.backend.get_task_meta(ident)
        if meta['status'] == 'PENDING':
            seen['missing'] += 1
        elif meta['status'] == 'SUCCESS' and meta['result'] == ident:
            seen['right'] += 1
        else:
            seen['wrong'] += 1
print(json.dumps(seen))
