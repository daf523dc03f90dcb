"""TypeScript issues the invoice of an order, and Python stores it."""

from celery import chain, signature

from .tasks import keep_invoice, note_failure


def issue_invoice(order):
    """Sends a task by its name, since it has no Python code. Its result is the first argument of the next task.

    Raises kombu.exceptions.OperationalError where the broker can't be reached.
    """
    issue = signature(
        "invoices.issue",
        kwargs={"number": order.pk, "customer": order.customer, "country": order.country, "cents": order.cents},
    )
    chain(issue, keep_invoice.s(order_id=order.pk)).apply_async(link_error=note_failure.s(order_id=order.pk))
