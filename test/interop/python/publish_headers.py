"""Publishes to QUEUE, with kombu, messages with header tables that other clients stumble over."""
import os
import sys
import threading

from kombu import Connection


def nested(levels):
    table = {}
    for _ in range(levels):
        table = {'k': table}
    return table


def publish():
    tables = [
        {'n': 2**40, 'negative': -(2**40), 'largest': 2**63 - 1},
        {'__proto__': {'polluted': True}, 'constructor': 'x', 'toString': 'y'},
        {'timelimit': [300, None], 'ratio': 0.5, 'flag': True, 'text': 'é', 'list': [1, [2]]},
        nested(5000),
    ]
    with Connection(os.environ['BROKER_URL']) as connection:
        producer = connection.Producer(serializer='json')
        for table in tables:
            producer.publish({}, routing_key=os.environ['QUEUE'], headers=table)


# py-amqp writes tables by recursion, which Python bounds at 1,000 levels unless asked.
sys.setrecursionlimit(100_000)
threading.stack_size(512 * 1024 * 1024)
thread = threading.Thread(target=publish)
thread.start()
thread.join()
