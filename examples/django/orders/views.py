import logging

from django import forms
from django.db import transaction
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST
from kombu.exceptions import OperationalError

from .invoicing import issue_invoice
from .models import Order

log = logging.getLogger(__name__)


class OrderForm(forms.ModelForm):
    class Meta:
        model = Order
        fields = ["customer", "country", "cents"]


@require_GET
@ensure_csrf_cookie
def index(request):
    form = OrderForm(initial={"customer": "Ada", "country": "DE", "cents": 1999})
    return render(request, "orders/index.html", {"form": form, "orders": Order.objects.order_by("-pk")[:20]})


@require_POST
def place(request):
    form = OrderForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=400)
    with transaction.atomic():
        order = form.save()
        # Only once others can read the order, and not at all if something below this line raises.
        transaction.on_commit(lambda: have_invoiced(order))
    return JsonResponse({"id": order.pk, "url": reverse("show", args=[order.pk])}, status=202)


def have_invoiced(order):
    """The order is placed with or without a broker: a task that can't be sent now is sent by `manage.py issue_invoices`."""
    try:
        issue_invoice(order)
    except OperationalError as error:
        log.warning("the invoice of order %s is not asked for yet: %s", order.pk, error)


@require_GET
def show(request, pk):
    order = get_object_or_404(Order, pk=pk)
    return JsonResponse({"id": order.pk, "state": order.state, "invoice": order.invoice})
