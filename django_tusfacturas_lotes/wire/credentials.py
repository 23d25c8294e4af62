"""The three credentials of an account at TusFacturas, and the fields of a call that hold them."""

from __future__ import annotations

from dataclasses import dataclass, field

CREDENTIAL_KEYS = frozenset({"apikey", "apitoken", "usertoken"})


@dataclass(frozen=True)
class Credentials:
    """What proves a caller to TusFacturas: they belong to one CUIT and point of sale. Never shown by `repr`."""

    apikey: str = field(repr=False)
    apitoken: str = field(repr=False)
    usertoken: str = field(repr=False)

    def as_fields(self) -> dict[str, str]:
        """Return the credentials as the fields that stand in every call."""
        return {"apitoken": self.apitoken, "apikey": self.apikey, "usertoken": self.usertoken}
