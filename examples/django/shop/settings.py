import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

# Only for a local example: a real site has a secret key of its own, and DEBUG off.
SECRET_KEY = os.environ.get("SECRET_KEY", "an example, and no secret")
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]

INSTALLED_APPS = ["orders"]
MIDDLEWARE = ["django.middleware.csrf.CsrfViewMiddleware"]
ROOT_URLCONF = "shop.urls"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
# Django's own default is America/Chicago, and Celery warns of clocks that differ where workers are in several time zones.
TIME_ZONE = "UTC"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DATABASE", BASE_DIR / "db.sqlite3"),
        # The site and Celery's worker write to the same file, and wait for each other.
        "OPTIONS": {"timeout": 20},
    }
}

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "amqp://guest:guest@localhost:5672//")
# The only line that routes tasks to TypeScript. All others stay with Celery's worker.
CELERY_TASK_ROUTES = {"invoices.*": {"queue": "invoices"}}
CELERY_TASK_DEFAULT_QUEUE = "shop"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Requests wait for the broker, so give up earlier than Celery does by default.
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "confirm_publish": True,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.2,
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2}
