"""Has an application of Celery 5.6 wait for results of the rpc backend as Celery 5.2 does; import it before it waits.

5.6 takes a second without a message for a lost connection, connects anew, and loses what arrives in that moment, from
whatever worker: a test would fail by chance, and most surely where a task says something once a second.
"""

import socket

from celery.backends.rpc import ResultConsumer


def drain_events(self, timeout=None):
    with self.reconnect_on_error():
        try:
            return self._connection.drain_events(timeout=timeout)
        except socket.timeout:
            pass
    raise socket.timeout()


if hasattr(ResultConsumer, "reconnect_on_error"):
    ResultConsumer.drain_events = drain_events
