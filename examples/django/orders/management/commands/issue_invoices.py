from django.core.management.base import BaseCommand

from orders.invoicing import issue_invoice
from orders.models import Order


class Command(BaseCommand):
    help = "Asks for the invoices of all orders that have none: those that were placed while the broker was away."

    def handle(self, **options):
        asked = 0
        for order in Order.objects.filter(state=Order.NEW).iterator():
            issue_invoice(order)
            asked += 1
        self.stdout.write(f"asked for {asked}")
