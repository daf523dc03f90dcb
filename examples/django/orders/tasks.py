"""What is left to Python: everything that writes into the database of the site."""

from celery import shared_task

from .models import Order


@shared_task
def keep_invoice(invoice, order_id):
    Order.objects.filter(pk=order_id).update(state=Order.INVOICED, invoice=invoice["text"])


@shared_task
def note_failure(task_id, *, order_id):
    """Is told which task failed, by Celery's worker and by that of twq alike. An invoice that is there stays."""
    Order.objects.filter(pk=order_id).exclude(state=Order.INVOICED).update(state=Order.FAILED)
