"""The login at Exact Online: OAuth 2.0 with refresh tokens that live once.

Each refresh makes the old refresh token worthless at once, and losing the new one ends the connection until a
person logs in again. So refreshing happens under a lock that spans all processes, and both tokens are
committed before either is used. A new access token is given from 570 seconds after the last one on; earlier
the answer is an error that means "use the one you have".
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectors.base import StateCell, Surroundings
from connectors.http import HttpAnswer, HttpClient
from formats.errors import RemoteRefused, RemoteUnavailable, RemoteUnexpected

__all__ = ["Login"]

_EARLIEST: Final = timedelta(seconds=570)
_LIFE: Final = timedelta(seconds=600)
_ASK_AGAIN: Final = timedelta(seconds=20)
_PATH: Final = "/api/oauth2/token"
_LOG_IN_AGAIN: Final = (
    "log in to Exact Online again with the gateway's app and put the new refresh token into the secret that "
    "refresh_token names; the gateway takes it up by itself"
)


@dataclass(frozen=True, slots=True)
class _Tokens:
    """What the state cell holds. `seed` tells which refresh token of the configuration this chain began with,
    `broken` why the chain cannot go on."""

    seed: str
    refresh: str
    access: str = ""
    obtained: str = ""
    not_before: str = ""
    broken: str = ""


class Login:
    """Access tokens for one app and one user. Safe for many threads and processes."""

    def __init__(
        self,
        http: HttpClient,
        surroundings: Surroundings,
        *,
        client_id: str,
        client_secret: str,
        refresh_token: str,
    ) -> None:
        """`client_secret` and `refresh_token` are references to secrets."""
        self._http = http
        self._surroundings = surroundings
        self._client_id = client_id
        self._client_secret = client_secret
        self._refresh_token = refresh_token

    def access_token(self, *, rejected: str = "") -> str:
        """A living access token; `rejected` is one that was just refused and must not come back.

        Raises RemoteRefused where only a person can log in again, RemoteUnavailable where the service wants
        us to wait, or is down.
        """
        with self._surroundings.locked("tokens") as cell:
            tokens = self._read(cell)
            now = self._surroundings.clock()
            usable = bool(tokens.access) and tokens.access != rejected
            age = now - _moment(tokens.obtained)
            if usable and (age < _EARLIEST or (age < _LIFE and now < _moment(tokens.not_before))):
                return tokens.access
            if tokens.broken:
                raise self._broken(tokens.broken)
            return self._refresh(cell, tokens, still_usable=usable and age < _LIFE)

    def _read(self, cell: StateCell) -> _Tokens:
        first = self._surroundings.secret(self._refresh_token).strip()
        seed = hashlib.sha256(first.encode()).hexdigest()
        try:
            tokens = _Tokens(**json.loads(cell.value))
        except (ValueError, TypeError):
            return _Tokens(seed, first)
        # A person has logged in again and put another refresh token into the secret.
        return tokens if tokens.seed == seed else _Tokens(seed, first)

    def _refresh(self, cell: StateCell, tokens: _Tokens, *, still_usable: bool) -> str:
        now = self._surroundings.clock()
        try:
            answer = self._http.request(
                "POST",
                _PATH,
                form={
                    "grant_type": "refresh_token",
                    "refresh_token": tokens.refresh,
                    "client_id": self._client_id,
                    "client_secret": self._surroundings.secret(self._client_secret).strip(),
                },
                headers={"Accept": "application/json"},
                allowed=(400, 401, 403),
                # Giving up early here would throw away the only living refresh token.
                timeout=(5.0, 60.0),
            )
            if answer.status == 200:
                granted = self._granted(answer, tokens, now)
                cell.save(json.dumps(asdict(granted)))
                return granted.access
            description = _description(answer)
        except RemoteUnexpected as error:
            # Without the evidence: it may hold the tokens.
            raise RemoteUnexpected(error.what, where=error.where, fix=error.fix) from None
        if "not expired" in description:
            # The refresh token was not used up, so nothing is lost.
            waiting = replace(tokens, not_before=(now + _ASK_AGAIN).isoformat())
            cell.save(json.dumps(asdict(waiting)))
            if still_usable:
                return tokens.access
            raise RemoteUnavailable(
                "Exact Online gives no new access token yet",
                where=f"{self._http.base_url}{_PATH}",
                fix="it is tried again by itself; it gives one every ten minutes",
                retry_at=now + _ASK_AGAIN,
            )
        if re.search(r"refresh token", description, re.IGNORECASE):
            reason = "used" if "old refresh token" in description.lower() else "expired"
            cell.save(json.dumps(asdict(replace(tokens, access="", broken=reason))))
            raise self._broken(reason)
        raise RemoteRefused(
            f"Exact Online refuses the app's login ({answer.status})",
            where=f"{self._http.base_url}{_PATH}",
            fix="compare client_id and the client secret with the app registration in the Exact app centre",
        )

    def _granted(self, answer: HttpAnswer, tokens: _Tokens, now: datetime) -> _Tokens:
        data: Any = answer.json()
        access = data.get("access_token") if isinstance(data, dict) else None
        refresh = data.get("refresh_token") if isinstance(data, dict) else None
        if not isinstance(access, str) or not isinstance(refresh, str) or not access or not refresh:
            raise RemoteUnexpected(
                "the answer to a token refresh names no tokens", where=answer.where, fix=_LOG_IN_AGAIN
            )
        return _Tokens(tokens.seed, refresh, access, now.isoformat())

    def _broken(self, reason: str) -> RemoteRefused:
        why = {
            "used": "its refresh token was used before, by another program or in an attempt whose answer was "
            "lost",
            "expired": "its refresh token is older than 30 days",
        }[reason]
        return RemoteRefused(
            f"the connection to Exact Online has ended: {why}",
            where=f"{self._http.base_url}{_PATH}",
            fix=_LOG_IN_AGAIN,
        )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text) if text else datetime(1970, 1, 1, tzinfo=UTC)


def _description(answer: HttpAnswer) -> str:
    """The words are the only thing that tells the cases apart; the field `error` differs between servers."""
    try:
        data = answer.json()
    except RemoteUnexpected:
        return ""
    if not isinstance(data, dict):
        return ""
    return f"{data.get('error_description', '')} {data.get('error', '')}"
