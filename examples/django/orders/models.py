from django.db import models


class Order(models.Model):
    """An order, and the state of its invoice."""

    NEW, INVOICED, FAILED = "new", "invoiced", "failed"

    customer = models.CharField(max_length=100)
    country = models.CharField(max_length=2)
    cents = models.PositiveIntegerField()
    state = models.CharField(max_length=10, default=NEW)
    invoice = models.TextField(default="")
