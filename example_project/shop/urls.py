from django.urls import path

from shop import views

app_name = "shop"

urlpatterns = [
    path("", views.order_list, name="order_list"),
    path("orders/new/", views.order_new, name="order_new"),
    path("orders/<int:pk>/", views.order_detail, name="order_detail"),
    path("orders/<int:pk>/pay/", views.order_pay, name="order_pay"),
    path("orders/<int:pk>/refund/", views.order_refund, name="order_refund"),
]
