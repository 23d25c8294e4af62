from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("tusfacturas/", include("django_tusfacturas_lotes.urls")),
    path("", include("shop.urls")),
    # The kept PDFs, while DEBUG is on. They name customers: a real shop asks who wants to see one.
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]
