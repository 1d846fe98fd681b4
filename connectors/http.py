"""The one way out over HTTP: time-outs, TLS, bounded answers, and failures that say what to do next.

For every connector and channel that speaks REST, OAuth or SOAP. It knows no ERP: it sends one request, reads
one bounded answer, and turns each way in which that can fail into one of `formats.errors`. Retry-After is
read as RFC 9110 section 10.2.3 has it. Nothing is retried here, no redirect is followed, no cookie is kept
and no proxy of the environment is used, so that one call is one request.
"""

from __future__ import annotations

import json as json_text
import logging
import re
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from io import BufferedIOBase
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import requests
from requests import exceptions as failures
from requests.adapters import HTTPAdapter
from urllib3.exceptions import LocationParseError, NameResolutionError, NewConnectionError
from urllib3.util import parse_url

from connectors.outside import OUTSIDE_POOLS, InsideAddress
from formats.errors import ConfigError, RemoteRefused, RemoteUnavailable, RemoteUnexpected

__all__ = ["HttpAnswer", "HttpClient", "is_safe_address", "new_session", "parse_json", "retry_moment"]

_log = logging.getLogger(__name__)

MEBIBYTE: Final = 1024 * 1024
_LONGEST_WAIT: Final = timedelta(hours=24)
_STRANGE: Final = re.compile(r"[\x00-\x20\x7f\\]")
_PORTS: Final = {"http": 80, "https": 443}
# Answers after which a request that changes something may have been carried out all the same.
_DOUBTFUL: Final = frozenset({500, 502, 504})
_LATER: Final = frozenset({408, 425, 429})

Query = Mapping[str, str] | Sequence[tuple[str, str]]


def new_session(
    *, verify: bool | str = True, headers: Mapping[str, str] | None = None, proxy: str = ""
) -> requests.Session:
    """A session as every way out uses it: no environment, no cookies, no retries, certificates checked.

    `verify` is True for the public certificate authorities, or the path of a PEM file with a company's own.
    `proxy` is an address such as http://proxy.example.com:3128, "" for none. Close it when done.
    """
    session = requests.Session()
    session.trust_env = False
    session.verify = verify
    session.max_redirects = 1  # none is followed, but requests reads where the first would lead
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers["User-Agent"] = "erp-einvoicing-gateway"
    session.headers.update(headers or {})
    if proxy:
        session.proxies = {"http": proxy, "https": proxy}
    for prefix in ("http://", "https://"):
        session.mount(prefix, HTTPAdapter(max_retries=0))
    return session


class _TlsAdapter(HTTPAdapter):
    """Encrypted connections with a context of our own; requests adds the authorities to trust."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(max_retries=0)

    def init_poolmanager(self, *arguments: Any, **settings: Any) -> None:
        super().init_poolmanager(*arguments, **settings, ssl_context=self._context)


class _OutsideAdapter(HTTPAdapter):
    """Connections to the public internet only."""

    def init_poolmanager(self, *arguments: Any, **settings: Any) -> None:
        super().init_poolmanager(*arguments, **settings)
        self.poolmanager.pool_classes_by_scheme = OUTSIDE_POOLS


def is_safe_address(url: str) -> bool:
    """Whether secrets may travel there: encrypted, or within this machine."""
    return url.startswith("https://") or bool(
        re.fullmatch(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/.*)?", url)
    )


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One whole answer. Header names are looked up without regard to case."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    where: str = ""

    def json(self) -> Any:
        """The content as JSON with exact decimals. Raises RemoteUnexpected when it is anything else."""
        return parse_json(self.content, where=self.where)


class HttpClient:
    """Requests to one origin (scheme, host and port), and to no other.

    `timeout` is seconds to connect and seconds of silence while reading; `longest` bounds the whole answer in
    seconds, `largest` in bytes after unpacking. `tls` is a client context with our own certificate, for
    services that know us by it. With `outside_only` an address that leads into an inner network is not called
    (RemoteRefused), for addresses that others name; behind a `proxy` this is the proxy's to judge. Safe to
    share between threads.

    Raises RemoteUnavailable (no connection, silence, a broken-off answer, 408, 425, 429, 5xx; `uncertain` for
    a request other than GET or HEAD that may have been carried out), RemoteRefused (401, 403, a certificate
    that does not hold), RemoteUnexpected (any other status that is not 2xx, too much data, a foreign
    address). No error names the query string, a header or a body that was sent.
    """

    def __init__(
        self,
        base_url: str,
        *,
        clock: Callable[[], datetime],
        timeout: tuple[float, float] = (5.0, 30.0),
        verify: bool | str = True,
        largest: int = 50 * MEBIBYTE,
        longest: float = 300.0,
        headers: Mapping[str, str] | None = None,
        proxy: str = "",
        tls: ssl.SSLContext | None = None,
        outside_only: bool = False,
    ) -> None:
        self._base = base_url.rstrip("/")
        try:
            self._origin = _origin(self._base)
        except ValueError as error:
            raise ConfigError(
                f"{base_url[:100]!r} is not a web address",
                where="base_url",
                fix="write it with https:// and the host name, without user name and password",
            ) from error
        self._clock = clock
        self._timeout = timeout
        self._largest = largest
        self._longest = longest
        self._session = new_session(verify=verify, headers=headers, proxy=proxy)
        if tls is not None:
            self._session.mount("https://", _TlsAdapter(tls))
        if outside_only:
            for prefix in ("http://", "https://"):
                self._session.mount(prefix, _OutsideAdapter(max_retries=0))

    @property
    def base_url(self) -> str:
        return self._base

    def request(
        self,
        method: str,
        path_or_url: str,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | BufferedIOBase | None = None,
        form: Mapping[str, str] | None = None,
        json: object = None,
        allowed: Collection[int] = (),
        timeout: tuple[float, float] | None = None,
    ) -> HttpAnswer:
        """Send one request and read the whole answer; statuses 2xx and `allowed` are returned.

        `path_or_url` is a path behind the base URL, or an absolute URL of the same origin, used as it stands
        (next-page links). At most one of `body`, `form` and `json` is given. Nothing is repeated.
        """
        prepared, where = self._prepare(method, path_or_url, query, headers, body, form, json)
        answer = self._send(prepared, where, timeout or self._timeout)
        _log.debug("%s answered %d, %d bytes", where, answer.status, len(answer.content))
        if not 200 <= answer.status < 300 and answer.status not in allowed:
            self._refuse(method, answer)
        return answer

    def get_json(
        self, path_or_url: str, *, query: Query | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """GET and read JSON, decimals exact. RemoteUnexpected for anything that is not JSON, such as a login
        page."""
        answer = self.request(
            "GET", path_or_url, query=query, headers={"Accept": "application/json", **(headers or {})}
        )
        return answer.json()

    def get_bytes(
        self, path_or_url: str, *, query: Query | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """GET, and the content as it came."""
        return self.request("GET", path_or_url, query=query, headers=headers).content

    def close(self) -> None:
        """Close all connections; safe to repeat."""
        self._session.close()

    def _prepare(
        self,
        method: str,
        path_or_url: str,
        query: Query | None,
        headers: Mapping[str, str] | None,
        body: bytes | BufferedIOBase | None,
        form: Mapping[str, str] | None,
        json: object,
    ) -> tuple[requests.PreparedRequest, str]:
        url = path_or_url
        if "://" not in url.split("?", 1)[0] and not url.startswith("//"):
            url = f"{self._base}/{url.lstrip('/')}" if url else self._base
        where = f"{method} {url.split('?', 1)[0][:300]}"
        sent: dict[str, str] = dict(headers or {})
        data: bytes | BufferedIOBase | None = body
        if form is not None:
            data = urlencode(form).encode("ascii")
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        elif json is not None:
            data = json_text.dumps(json, ensure_ascii=False).encode()
            sent.setdefault("Content-Type", "application/json")
        if query:
            url += ("&" if "?" in url else "?") + urlencode(query, quote_via=quote, safe="$'(),")
        try:
            # Requests and urllib3 read an address in their own way, so what they made of it is what counts.
            if _STRANGE.search(url) or _origin(url) != self._origin:
                raise ValueError("foreign origin")
            prepared = self._session.prepare_request(requests.Request(method, url, headers=sent, data=data))
            if _origin(prepared.url or "") != self._origin:
                raise ValueError("foreign origin")
        except (ValueError, failures.RequestException) as error:
            raise RemoteUnexpected(
                "the other side named an address outside its own host, which is not called",
                where=where,
                fix=f"only {self._base} is configured; if the service has moved, change the base URL there",
            ) from error
        return prepared, where

    def _send(
        self, prepared: requests.PreparedRequest, where: str, timeout: tuple[float, float]
    ) -> HttpAnswer:
        changes = prepared.method not in ("GET", "HEAD", "OPTIONS")
        try:
            with self._session.send(
                prepared, stream=True, timeout=timeout, allow_redirects=False
            ) as response:
                content = b"".join(self._bounded(response, where, changes))
                return HttpAnswer(response.status_code, response.headers, content, where)
        except failures.SSLError as error:
            if _certificate_failed(error):
                raise RemoteRefused(
                    "the certificate of the other side does not hold: it is unknown, expired or for another "
                    "name",
                    where=where,
                    fix="check the address; for a company's own certificate authority name its PEM file in "
                    "the settings",
                ) from error
            raise _unavailable("the encrypted connection broke off", where, changes) from error
        except failures.ConnectTimeout as error:
            raise _unavailable(f"no connection within {timeout[0]:g} seconds", where, False) from error
        except failures.Timeout as error:
            raise _unavailable(f"no answer within {timeout[1]:g} seconds", where, changes) from error
        except failures.ConnectionError as error:
            if any(isinstance(cause, InsideAddress) for cause in _causes(error)):
                raise RemoteRefused(
                    "the address leads into an inner network, so it is not called",
                    where=where,
                    fix="whoever published this address has to correct it",
                ) from error
            if _never_connected(error):
                raise _unavailable("no connection: the host is unknown or down", where, False) from error
            if "Read timed out" in str(error):
                raise _unavailable(f"silence for {timeout[1]:g} seconds", where, changes) from error
            raise _unavailable("the connection broke off", where, changes) from error
        except (failures.ChunkedEncodingError, failures.ContentDecodingError) as error:
            raise _unavailable("the answer broke off in the middle", where, changes) from error
        except failures.RequestException as error:
            raise RemoteUnexpected(
                f"the request could not be made ({type(error).__name__})",
                where=where,
                fix="check the address in the settings",
            ) from error

    def _bounded(self, response: requests.Response, where: str, changes: bool) -> Iterator[bytes]:
        size = 0
        # A duration, not the time of day: the clock may be set, or stand still in a test.
        started = time.monotonic()
        for chunk in response.iter_content(64 * 1024):
            size += len(chunk)
            if size > self._largest:
                raise RemoteUnexpected(
                    f"the answer is larger than {self._largest} bytes",
                    where=where,
                    fix="check what the other side sends there, or raise the limit of this connection",
                )
            if time.monotonic() - started > self._longest:
                raise _unavailable(f"the answer took more than {self._longest:g} seconds", where, changes)
            yield chunk

    def _refuse(self, method: str, answer: HttpAnswer) -> None:
        status, where = answer.status, answer.where
        if status in _LATER or status == 503:
            what = "too many requests" if status == 429 else "busy or down for maintenance"
            raise RemoteUnavailable(
                f"the other side answered {status}, {what}",
                where=where,
                fix="it is tried again by itself",
                retry_at=retry_moment(answer.headers.get("Retry-After"), self._clock()),
            )
        if status >= 500:
            raise _unavailable(
                f"the other side answered {status}, an error of its own",
                where,
                method not in ("GET", "HEAD") and status in _DOUBTFUL,
            )
        if status in (401, 403):
            what = "it does not accept the login" if status == 401 else "the login lacks the right to do this"
            raise RemoteRefused(
                f"the other side answered {status}, {what}",
                where=where,
                fix="check the credentials and the rights of the technical user there",
            )
        if 300 <= status < 400:
            raise RemoteUnexpected(
                f"the other side answered {status} and points to another address, which is not followed",
                where=where,
                fix="if the service has moved, change the base URL in the settings",
                evidence=answer.content,
            )
        raise RemoteUnexpected(
            f"the other side answered {status}, which this interface does not expect",
            where=where,
            fix="compare the configured address and version with the other side; its answer is kept",
            evidence=answer.content,
        )


def parse_json(content: bytes, *, where: str) -> Any:
    """JSON in UTF-8 with every fraction a Decimal; RemoteUnexpected with the start of anything else."""
    try:
        return json_text.loads(
            content.decode("utf-8-sig"), parse_float=Decimal, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        page = content.lstrip()[:1] == b"<"
        raise RemoteUnexpected(
            "a web page came instead of data" if page else "the answer is not JSON",
            where=where,
            fix="a login page, proxy or maintenance page may stand in between; open the address in a browser",
            evidence=content,
        ) from error


def retry_moment(value: str | None, now: datetime) -> datetime | None:
    """When Retry-After (seconds or an HTTP date) allows the next request, as aware UTC.

    None for a missing, unreadable, negative or past value; never more than 24 hours after `now`.
    """
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]{1,12}", text):
        return now.astimezone(UTC) + min(timedelta(seconds=int(text)), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return None if moment <= now else min(moment, now.astimezone(UTC) + _LONGEST_WAIT)


def _origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port; ValueError where there is none, or where a user name hides in front of it."""
    parts = urlsplit(url)
    try:
        seen = parse_url(url)
    except LocationParseError as error:
        raise ValueError("not an address") from error
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if scheme not in _PORTS or not host or "@" in parts.netloc or seen.auth:
        raise ValueError("not an address of a web server")
    port = parts.port or _PORTS[scheme]
    if (seen.host or "").strip("[]").lower() != host or (seen.port or _PORTS[scheme]) != port:
        raise ValueError("an address that can be read in two ways")
    return scheme, host, port


def _unavailable(what: str, where: str, uncertain: bool) -> RemoteUnavailable:
    fix = "it is tried again by itself; if it lasts, check the network and whether the other side is up"
    if uncertain:
        fix = "it may have been carried out, so it is looked up before it is tried again"
    return RemoteUnavailable(what, where=where, fix=fix, uncertain=uncertain)


def _causes(error: BaseException) -> Iterator[object]:
    """The error, and what it wraps: requests puts urllib3's errors into `args` and those theirs into
    `reason`."""
    waiting: list[object] = [error]
    for _ in range(20):
        if not waiting:
            return
        current = waiting.pop(0)
        yield current
        if isinstance(current, BaseException):
            waiting += [*current.args, getattr(current, "reason", None), current.__cause__]


def _never_connected(error: BaseException) -> bool:
    return any(isinstance(cause, NewConnectionError | NameResolutionError) for cause in _causes(error))


def _certificate_failed(error: BaseException) -> bool:
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))


def _refuse_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number")
