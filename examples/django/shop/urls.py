from django.urls import path

from orders import views

urlpatterns = [
    path("", views.index),
    path("orders", views.place, name="place"),
    path("orders/<int:pk>", views.show, name="show"),
]
