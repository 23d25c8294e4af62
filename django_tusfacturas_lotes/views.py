"""The webhook: authenticate, store, act, answer 200. It makes no outbound call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO, Any

from django.contrib.auth.models import AnonymousUser
from django.db import connections, transaction
from rest_framework import status
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed, MethodNotAllowed, ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from .reception import authenticate, receive
from .wire.answers.decode import NotAnObject, decode_object

MAX_BYTES = 64 * 1024


class TooLarge(APIException):
    """413: the body is longer than `MAX_BYTES`."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"A notification has at most {MAX_BYTES} bytes."
    default_code = "too_large"


class NotificationParser(BaseParser):
    """Parse a JSON object, whatever the content type says; at most `MAX_BYTES` are read."""

    media_type = "*/*"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            raw = stream.read(MAX_BYTES + 1)
        except OSError as exc:  # Django's UnreadablePostError is one: the sender went away
            raise ParseError("The body broke off.") from exc
        if len(raw) > MAX_BYTES:
            raise TooLarge
        try:
            return decode_object(raw)
        except NotAnObject as exc:
            raise ParseError(f"The body is {exc}.") from exc


class ProviderAuthentication(BaseAuthentication):
    """Authenticate a notification by its content, as its modality says; `request.auth` is what it proved.

    There is no scheme to name in a `WWW-Authenticate`, so a notification that proves nothing is answered 403.
    """

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Any]:
        payload = request.data
        # DRF calls no parser for an empty body.
        if not isinstance(payload, dict) or (not payload and request.META.get("CONTENT_LENGTH") in (None, "", "0")):
            raise ParseError("The body is not a JSON object.")
        proof = authenticate(payload, request.headers)
        if proof is None:
            raise AuthenticationFailed("The notification does not carry credentials of ours.")
        return AnonymousUser(), proof


class IsProvider(BasePermission):
    """Allow only what authenticated as the provider, whatever the project's defaults are."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(request.auth)


class AlwaysJSON(BaseContentNegotiation):
    """Read and answer JSON whatever the headers ask for: a provider's `Accept` must not lose a result."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return next(iter(renderers)), "application/json"


class WebhookView(APIView):
    """Receive the provider's notifications."""

    authentication_classes = (ProviderAuthentication,)
    permission_classes = (IsProvider,)
    parser_classes = (NotificationParser,)
    renderer_classes = (JSONRenderer,)
    throttle_classes = ()
    content_negotiation_class = AlwaysJSON
    versioning_class = None
    http_method_names = ("post",)

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Exempt the view from `ATOMIC_REQUESTS`, on every database: an event is committed before it is acted on."""
        view = super().as_view(**initkwargs)
        for alias in connections:
            view = transaction.non_atomic_requests(using=alias)(view)
        return view

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse other methods before anything of the request is read."""
        if request.method != "POST":
            raise MethodNotAllowed(str(request.method))
        super().initial(request, *args, **kwargs)

    def post(self, request: Request) -> Response:
        """Store and apply one notification; 200 once it is stored."""
        payload: Any = request.data
        proof: Any = request.auth
        receive(payload, proof)
        return Response({"status": "ok"})
