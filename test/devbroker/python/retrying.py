"""A task that asks to be retried, beside those of the interop tests' application."""

from proj import app


@app.task(name="retrying", bind=True, max_retries=5)
def retrying(self, times):
    if self.request.retries < times:
        raise self.retry(countdown=0.1)
    return self.request.retries
