"""When a lote that waits is for a person to look at."""

from __future__ import annotations

import pytest

from django_tusfacturas_lotes.models import Lote, LoteStatus
from django_tusfacturas_lotes.models.lote import MANY_TRIES
from tests.support.rows import make_lote

pytestmark = pytest.mark.django_db

TURNED_AWAY = (200, 400, 401, 403, 404, 405)


@pytest.mark.parametrize("http_status", [None, 429, *TURNED_AWAY])
def test_what_will_not_pass_by_itself_needs_a_person_at_once_and_anything_else_after_many_tries(
    http_status: int | None,
) -> None:
    """No status: the provider could not be reached. That, and its asking for a pause, pass by themselves."""
    for status in LoteStatus:
        lote = make_lote(status)
        for tries in (0, 1, MANY_TRIES - 1, MANY_TRIES, MANY_TRIES + 1):
            Lote.objects.filter(pk=lote.pk).update(tries=tries, http_status=http_status)
            lote.refresh_from_db()
            expected = status == LoteStatus.READY and (
                tries >= MANY_TRIES or (tries > 0 and http_status in TURNED_AWAY)
            )
            assert lote.waits_for_a_person is expected, (status, tries)
            found = Lote.objects.filter(pk=lote.pk).needing_a_person().exists()
            assert found == (expected or status == LoteStatus.UNCERTAIN), (status, tries)
        lote.delete()


@pytest.mark.parametrize("status", LoteStatus)
def test_discrepancies_need_a_person_until_somebody_has_seen_them(status: LoteStatus) -> None:
    lote = make_lote(status, tries=0, discrepancies=["one"])
    other = make_lote(LoteStatus.ACCEPTED)
    assert list(Lote.objects.filter(discrepancies=["one"]).needing_a_person()) == [lote]
    Lote.objects.filter(pk=lote.pk).update(seen_at=lote.created_at)
    assert lote in Lote.objects.all()
    assert Lote.objects.filter(pk=lote.pk).needing_a_person().exists() == (status == LoteStatus.UNCERTAIN)
    assert other not in Lote.objects.needing_a_person()
