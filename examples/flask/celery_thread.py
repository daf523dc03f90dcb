"""All of this application's calls to Celery happen in one thread.

With the rpc:// result backend a reply goes to the queue of the *thread* that sent the task. A web server handles each
request in another thread, and in a thread that did not send it a task stays PENDING for ever. So the requests queue their
calls for one thread, which sends and reads results for all of them. With redis:// any thread could read results.
"""

from concurrent.futures import ThreadPoolExecutor, TimeoutError

from celery.states import EXCEPTION_STATES, READY_STATES
from kombu.exceptions import OperationalError


# Seconds that a request waits for the one thread: each request is answered within this time.
PATIENCE = 5


class Away(Exception):
    """The broker or the result backend can't be reached, or the connection to it has just been lost: try again."""


class CeleryThread:
    """Sends tasks and reads their results; may be called from any thread."""

    def __init__(self, celery):
        self._celery = celery
        # An executor with a single worker is one thread and a queue of calls.
        self._calls = ThreadPoolExecutor(max_workers=1, thread_name_prefix="celery")
        self._away_errors = (
            OperationalError,
            *celery.connection_for_write().connection_errors,
            # Only a backend with a connection of its own, like redis://, has these.
            *getattr(celery.backend, "connection_errors", ()),
        )

    def send(self, name, args):
        """Sends a task by its name and returns its id. Raises Away."""
        return self._call(self._send, name, args)

    def look_up(self, task_id):
        """Returns the latest state of a task with its data: progress, the value, or the error. Raises Away."""
        return self._call(self._look_up, task_id)

    def _call(self, function, *args):
        call = self._calls.submit(function, *args)
        try:
            return call.result(timeout=PATIENCE)
        except TimeoutError as error:
            # If the call has not begun it is cancelled: no request waits for it any more.
            call.cancel()
            raise Away(f"no answer within {PATIENCE} seconds") from error
        except self._away_errors as error:
            raise Away(str(error)) from error

    def _send(self, name, args):
        self._reach()
        return self._celery.send_task(name, args=args).id

    def _reach(self):
        """Checks by a round trip that the broker answers, and reconnects if necessary.

        Before sending, the rpc:// backend declares its reply queue, and for that it would try to connect for ever.
        """
        once = {"max_retries": 1, "interval_start": 0, "interval_step": 0}

        with self._celery.pool.acquire(block=True) as connection:

            def round_trip():
                connection.ensure_connection(**once)
                connection.channel().close()

            connection.ensure(connection, round_trip, **once)()

    def _look_up(self, task_id):
        # Read once: .state and .result of an AsyncResult could come from two different moments.
        meta = self._celery.backend.get_task_meta(task_id)
        state, result = meta["status"], meta["result"]
        seen = {"state": state, "ready": state in READY_STATES}
        if state in EXCEPTION_STATES:
            # Celery has turned what the task threw into a Python exception.
            seen["error"] = {"type": type(result).__name__, "message": str(result)}
        else:
            seen["value"] = result
        return seen
