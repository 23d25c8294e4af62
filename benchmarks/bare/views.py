"""The bare view: JSON in, one row, JSON out; nobody is asked who he is."""

from __future__ import annotations

from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from .models import BareRow


class BareView(APIView):
    """Stores what comes."""

    authentication_classes = ()
    permission_classes = ()
    parser_classes = (JSONParser,)
    renderer_classes = (JSONRenderer,)

    def post(self, request: Request) -> Response:
        """Insert one row."""
        BareRow.objects.create(payload=request.data)
        return Response({"status": "ok"})
