"""A Flask application that starts tasks written in TypeScript and shows their progress."""

import os

from celery import Celery
from flask import Flask, jsonify, render_template, request, url_for

from celery_thread import Away, CeleryThread

celery = Celery(
    "flask_example",
    broker=os.environ.get("CELERY_BROKER_URL", "amqp://guest:guest@localhost:5672//"),
    # With redis://… every process can poll every task; see the README.
    backend=os.environ.get("RESULT_BACKEND", "rpc://"),
)
# With rpc://, remember the last state of each task: a reply that was read once is not in the queue any more.
celery.conf.result_cache_max = 1000
# Requests wait for the broker, so give up earlier than Celery does by default.
celery.conf.broker_connection_timeout = 2
celery.conf.broker_transport_options = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2}
celery.conf.task_publish_retry_policy = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2}
tasks = CeleryThread(celery)

# The tasks that the page may start: name, description, and arguments (all integers) with the form's initial values. The code
# of the tasks is in ../../tasks, so there are no Python functions to import. The last one does not exist, to show what happens
# then.
STARTABLE = {
    "add": ("Adds two numbers.", {"x": 1, "y": 2}),
    "process": ("Takes a second for each step, and tells how far it is.", {"total": 5}),
    "block": ("Takes five seconds.", {}),
    "send_welcome_email": ("Writes a mail to a user: into a file, unless SMTP_URL names a server.", {"user_id": 42}),
    "no_such_task": ("A task that no worker knows.", {}),
}

app = Flask(__name__)


@app.get("/")
def index():
    return render_template("index.html", tasks=STARTABLE)


@app.post("/tasks/<name>")
def start(name):
    if name not in STARTABLE:
        return jsonify(error=f"{name} can't be started from here"), 404
    args = []
    for field in STARTABLE[name][1]:
        value = request.form.get(field, type=int)
        if value is None:
            return jsonify(error=f"{field} must be a whole number"), 400
        args.append(value)
    task_id = tasks.send(name, args)
    return jsonify(id=task_id, url=url_for("show", task_id=task_id)), 202


@app.get("/results/<task_id>")
def show(task_id):
    return jsonify(tasks.look_up(task_id))


@app.errorhandler(Away)
def away(error):
    return jsonify(error=f"the broker or the result backend can't be reached: {error}"), 503
