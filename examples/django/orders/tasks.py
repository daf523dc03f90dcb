"""The tasks in Python: everything that writes to the database of the site."""

from celery import shared_task

from .models import Order


@shared_task
def keep_invoice(invoice, order_id):
    Order.objects.filter(pk=order_id).update(state=Order.INVOICED, invoice=invoice["text"])


@shared_task
def note_failure(task_id, *, order_id):
    """Called for a failed task, by Celery's worker and by twq's. An existing invoice is kept."""
    Order.objects.filter(pk=order_id).exclude(state=Order.INVOICED).update(state=Order.FAILED)
