"""The login at Exact Online: OAuth 2.0 with refresh tokens that live once.

A person logs in once (`gateway connect`), after that the connection renews itself. Each refresh makes the old
refresh token worthless at once, and losing the new one ends the connection until a person logs in again. So
refreshing happens under a lock that spans all processes, and both tokens are committed before either is used.
A new access token is given from 570 seconds after the last one on; earlier the answer is an error that means
"use the one you have".

A process that is killed after Exact answered and before both tokens are committed leaves a refresh token that
is used up. Nothing can bring the new one back; what is left is a note that a refresh was under way, so that
the next process says what happened and asks for a new login.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

from connectors.base import StateCell, Surroundings
from connectors.budget import CallLimit
from connectors.http import HttpAnswer, HttpClient
from formats.errors import RemoteRefused, RemoteUnavailable, RemoteUnexpected

__all__ = ["Login"]

_EARLIEST: Final = timedelta(seconds=570)
_LIFE: Final = timedelta(seconds=600)
_ASK_AGAIN: Final = timedelta(seconds=20)
_PATH: Final = "/api/oauth2/token"
_LONGEST_CODE: Final = 4_000


@dataclass(frozen=True, slots=True)
class _Tokens:
    """What the state cell holds. `seed` tells which refresh token of the configuration this chain began with,
    `broken` why the chain cannot go on, `asked` when a refresh was sent whose answer is not stored yet."""

    seed: str
    refresh: str
    access: str = ""
    obtained: str = ""
    not_before: str = ""
    broken: str = ""
    asked: str = ""


class Login:
    """Access tokens for one app and one user. Safe for many threads and processes."""

    def __init__(
        self,
        http: HttpClient,
        surroundings: Surroundings,
        *,
        source: str,
        client_id: str,
        client_secret: str,
        refresh_token: str = "",
        calls_per_day: int = 200,
    ) -> None:
        """`client_secret` and `refresh_token` are references to secrets; without a refresh token the
        connection begins with `take_code`. `source` is the name that people give to `gateway connect`."""
        self._http = http
        self._surroundings = surroundings
        self._client_id = client_id
        self._client_secret = client_secret
        self._refresh_token = refresh_token
        self._again = f"log in to Exact Online again: gateway connect {source}"
        self._budget = surroundings.budget(
            f"Exact Online login of app {client_id[:8]}", CallLimit("day", calls_per_day, 86_400)
        )

    def authorize_url(self, redirect_url: str, state: str) -> str:
        """The page of Exact where a person logs in and lets the gateway in."""
        query = {
            "client_id": self._client_id,
            "redirect_uri": redirect_url,
            "response_type": "code",
            "state": state,
            "force_login": "0",
        }
        # Slashes and colons stay as they are: some of Exact's servers compare the address before decoding.
        return f"{self._http.base_url}/api/oauth2/auth?{urlencode(query, quote_via=quote, safe='/:')}"

    def take_code(self, code: str, redirect_url: str) -> None:
        """Exchange the code that came back (decoded once) for the first tokens; they are stored when this
        returns.

        A code works once and for minutes only. Raises RemoteRefused for one that does not work (any more).
        """
        with self._surroundings.locked("tokens") as cell:
            form = {"grant_type": "authorization_code", "code": code[:_LONGEST_CODE]}
            answer = self._ask({**form, "redirect_uri": redirect_url})
            if answer.status != 200:
                raise RemoteRefused(
                    "Exact Online does not take this code"
                    if "client" not in _description(answer)
                    else f"Exact Online refuses the app's login ({answer.status})",
                    where=f"{self._http.base_url}{_PATH}",
                    fix="a code works once and for three minutes: begin again. If it happens each time, "
                    "compare client_id, client secret and redirect_url with the app registration in Exact",
                )
            now = self._surroundings.clock()
            cell.save(json.dumps(asdict(self._granted(answer, self._seed(), now))))

    @property
    def begun(self) -> bool:
        """Whether there is anything to log in with: tokens of an earlier login, or a configured one."""
        if self._refresh_token:
            return True
        with self._surroundings.locked("tokens") as cell:
            return bool(self._read(cell).refresh)

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
            if tokens.broken or not tokens.refresh:
                raise self._broken(tokens.broken or "none", tokens)
            return self._refresh(cell, tokens, still_usable=usable and age < _LIFE)

    def _first(self) -> str:
        return self._surroundings.secret(self._refresh_token).strip() if self._refresh_token else ""

    def _seed(self) -> str:
        return hashlib.sha256(self._first().encode()).hexdigest()

    def _read(self, cell: StateCell) -> _Tokens:
        seed = self._seed()
        try:
            tokens = _Tokens(**json.loads(cell.value))
        except (ValueError, TypeError):
            return _Tokens(seed, self._first())
        # A person has logged in again and put another refresh token into the secret.
        return tokens if tokens.seed == seed else _Tokens(seed, self._first())

    def _refresh(self, cell: StateCell, tokens: _Tokens, *, still_usable: bool) -> str:
        now = self._surroundings.clock()
        # Committed before the request: whoever finds it knows that this token may be used up.
        cell.save(json.dumps(asdict(replace(tokens, asked=tokens.asked or now.isoformat()))))
        answer = self._ask({"grant_type": "refresh_token", "refresh_token": tokens.refresh})
        if answer.status == 200:
            granted = self._granted(answer, tokens.seed, now)
            cell.save(json.dumps(asdict(granted)))
            return granted.access
        description = _description(answer)
        if "not expired" in description:
            # The refresh token was not used up, so nothing is lost.
            waiting = replace(tokens, not_before=(now + _ASK_AGAIN).isoformat(), asked="")
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
            reason = "expired"
            if "old refresh token" in description.lower():
                reason = "lost" if tokens.asked else "used"
            cell.save(json.dumps(asdict(replace(tokens, access="", broken=reason))))
            raise self._broken(reason, tokens)
        cell.save(json.dumps(asdict(replace(tokens, asked=""))))
        raise RemoteRefused(
            f"Exact Online refuses the app's login ({answer.status})",
            where=f"{self._http.base_url}{_PATH}",
            fix="compare client_id and the client secret with the app registration in the Exact app centre",
        )

    def _ask(self, form: dict[str, str]) -> HttpAnswer:
        self._budget.spend()
        secret = self._surroundings.secret(self._client_secret).strip()
        try:
            return self._http.request(
                "POST",
                _PATH,
                form={**form, "client_id": self._client_id, "client_secret": secret},
                headers={"Accept": "application/json"},
                allowed=(400, 401, 403),
                # Giving up early here would throw away the only living refresh token.
                timeout=(5.0, 60.0),
            )
        except RemoteUnexpected as error:
            # Without the evidence: it may hold the tokens.
            raise RemoteUnexpected(error.what, where=error.where, fix=error.fix) from None

    def _granted(self, answer: HttpAnswer, seed: str, now: datetime) -> _Tokens:
        try:
            data: Any = answer.json()
        except RemoteUnexpected as error:
            raise RemoteUnexpected(error.what, where=error.where, fix=error.fix) from None
        access = data.get("access_token") if isinstance(data, dict) else None
        refresh = data.get("refresh_token") if isinstance(data, dict) else None
        if not isinstance(access, str) or not isinstance(refresh, str) or not access or not refresh:
            raise RemoteUnexpected(
                "the answer to a token request names no tokens", where=answer.where, fix=self._again
            )
        # `expires_in` is not read: it is a text, may be missing, and the tokens' life is documented.
        return _Tokens(seed, refresh, access, now.isoformat())

    def _broken(self, reason: str, tokens: _Tokens) -> RemoteRefused:
        if reason == "none":
            return RemoteRefused(
                "nobody has connected this source to Exact Online yet",
                where=f"{self._http.base_url}{_PATH}",
                fix=self._again.replace("again: ", "once: "),
            )
        why = {
            "used": "its refresh token was used before, by another program",
            "lost": f"the answer to a refresh at {tokens.asked[:16]} UTC was lost (the network broke off, or "
            "the gateway was killed before it had stored the new tokens)",
            "expired": "its refresh token is older than 30 days",
        }[reason]
        return RemoteRefused(
            f"the connection to Exact Online has ended: {why}",
            where=f"{self._http.base_url}{_PATH}",
            fix=self._again,
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
