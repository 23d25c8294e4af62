"""What a person may decide about one lote, each in one transaction, and without a call."""

from __future__ import annotations

from django.utils import timezone

from ..exceptions import NotPossibleError
from ..models import (
    Lote,
    LoteItem,
    LoteStatus,
)
from ..outcomes import calls
from ..transactions import again_on_deadlock, atomic
from .evidence import Evidence, lote_evidence


@again_on_deadlock
def send_now(lote: Lote) -> Lote:
    """End the pause of a lote that waits, so that it is sent next. Raises `NotPossibleError`."""
    if not Lote.objects.filter(pk=lote.pk).stop_waiting():
        raise NotPossibleError(f"{lote} is {Lote.objects.get(pk=lote.pk).status}, not ready")
    return Lote.objects.get(pk=lote.pk)


@again_on_deadlock
def confirm_received(lote: Lote) -> Lote:
    """Confirm that TusFacturas has an uncertain lote: its invoices wait for their results. Never sends anything.

    Raises `NotPossibleError` if the lote is not uncertain.
    """
    with atomic():
        locked = Lote.objects.lock().filter(pk=lote.pk).first()
        settled = locked is not None and locked.status == LoteStatus.UNCERTAIN and calls.mark_received(lote.pk)
    if not settled:
        raise NotPossibleError(f"{lote} is {Lote.objects.get(pk=lote.pk).status}, not uncertain")
    return Lote.objects.get(pk=lote.pk)


@again_on_deadlock
def confirm_not_received(lote: Lote) -> int:
    """Confirm that TusFacturas never got an uncertain lote: its invoices go out again, with new references.

    If that is wrong, they are issued twice: look in TusFacturas first. Returns how many went back into the queue.
    Raises `NotPossibleError` if the lote is not uncertain, or if it is proven that TusFacturas has it.
    """
    with atomic():
        locked = Lote.objects.lock().filter(pk=lote.pk).first()
        if locked is not None and locked.status == LoteStatus.UNCERTAIN:
            refuse_if_received(lote_evidence(locked))
        requeued = calls.mark_not_received(lote.pk, "a person confirmed that TusFacturas did not receive it")
    if requeued is None:
        raise NotPossibleError(f"{lote} is {Lote.objects.get(pk=lote.pk).status}, not uncertain")
    return requeued


def refuse_if_received(known: Evidence) -> None:
    """Raise `NotPossibleError` where a notification or a look-up proves that TusFacturas has the lote."""
    if known.proves_receipt:
        raise NotPossibleError(
            f"a notification or a look-up told of items of {known.lote}, so TusFacturas has it: confirm that it was "
            "received"
        )


@again_on_deadlock
def look_up_lote(lote: Lote) -> int:
    """Have a lote's open items looked up by the next task or command, and return how many.

    Raises `NotPossibleError` if there are none.
    """
    now = timezone.now()
    with atomic():
        lote = Lote.objects.lock().get(pk=lote.pk)
        open_items = LoteItem.objects.filter(lote=lote).live()
        count = open_items.update(look_up_at=now, lookups=0)
        if lote.status not in (LoteStatus.ACCEPTED, LoteStatus.UNCERTAIN) or not count:
            raise NotPossibleError(f"{lote} is {lote.status}, with nothing open in it that could be looked up")
        Lote.objects.filter(pk=lote.pk).look_up_by(now)
        return count
