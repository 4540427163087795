"""The conversation with the provider: authorization code with PKCE, state and nonce, and an ID token that is believed.

Authlib and joserfc do the protocol. Ours is what bounds it (time, size, no redirects, few at once), which algorithms
count, and that every refusal has a reason. Nothing is asked of the provider before the first sign-in.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import (
    BadSignatureError,
    ClaimError,
    ExpiredTokenError,
    InvalidKeyIdError,
    JoseError,
    MissingKeyError,
)
from joserfc.jwk import KeySet

from hub.access.oidc.http import ANSWER_S, Bounded, verify_by
from hub.access.oidc.options import OidcError, Options, Reason, fault_of_endpoint

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
"""Signatures by a key that only the provider has. Neither `none` nor HS256, whose secret we would share."""
_KINDS = ("RSA", "EC", "OKP")
METADATA_S = 3600.0
KEYS_AGAIN_S = 60.0
"""A token that names an unknown key makes us fetch the keys anew, at most so often."""
LEEWAY_S = 60
SILENT_S = 10.0
"""After no answer nobody asks again for so long: the others are told at once."""
AT_ONCE = 4
"""Sign-ins that wait for the provider: the others' requests must not wait for it."""
_CLAIMS = {"iss": Reason.ISSUER, "aud": Reason.AUDIENCE, "azp": Reason.AUDIENCE, "nonce": Reason.NONCE,
           "exp": Reason.EXPIRED}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-in that has begun in a browser. It lies there, sealed, until the browser comes back."""

    state: str
    nonce: str
    verifier: str
    following: str = ""
    """Path of the console to go to afterwards."""


@dataclass(frozen=True, slots=True)
class _Known:
    metadata: Mapping[str, Any]
    keys: KeySet
    at_s: float


class Provider:
    """One provider. Its functions block on the network, and raise OidcError."""

    def __init__(self, options: Options, clock: Callable[[], float]) -> None:
        self.options = options
        self._clock = clock
        self._known: _Known | None = None
        self._silent_s: float | None = None
        """When it last gave no answer."""
        self._few = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()

    def begin(self, following: str) -> tuple[str, Pending]:
        """Where to send the browser, and what to remember of it."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        pending = Pending(state, nonce, verifier, following)
        with self._session(asks=self._fresh(METADATA_S) is None) as session:
            url, _ = session.create_authorization_url(
                self._metadata(session)["authorization_endpoint"],
                state=pending.state, nonce=pending.nonce, code_verifier=pending.verifier,
            )  # fmt: skip
        return str(url), pending

    def finish(self, answer: Mapping[str, str], pending: Pending) -> dict[str, Any]:
        """The claims of whoever the provider sent back with this answer."""
        if not secrets.compare_digest(answer.get("state", "").encode(), pending.state.encode()):
            raise OidcError(Reason.STATE)
        if answer.get("iss", self.options.issuer) != self.options.issuer:  # RFC 9207
            raise OidcError(Reason.ISSUER, f"the answer names {answer['iss']}")
        if "code" not in answer:
            raise OidcError(Reason.DENIED, answer.get("error", "no code"))
        with self._session() as session:
            metadata = self._metadata(session)
            token = session.fetch_token(
                metadata["token_endpoint"], code=answer["code"], code_verifier=pending.verifier
            )  # fmt: skip
            if not isinstance(token.get("id_token"), str):
                raise OidcError(Reason.TOKEN, "no ID token")
            return self._claims(session, token, pending.nonce)

    @contextmanager
    def _session(self, *, asks: bool = True) -> Iterator[OAuth2Session]:
        """A session that is bounded in every way; what goes wrong in it becomes an OidcError.

        `asks`: whether it waits for the provider, as few may. One that was silent a moment ago is asked nothing.
        """
        if asks and self._silent_s is not None and 0 <= self._clock() - self._silent_s < SILENT_S:
            raise OidcError(Reason.UNREACHABLE, "it gave no answer a moment ago")
        if asks and not self._few.acquire(blocking=False):
            raise OidcError(Reason.BUSY)
        o = self.options
        adapter = Bounded(o.issuer)
        try:
            with OAuth2Session(
                o.client_id, o.client_secret or None, scope=o.scope, redirect_uri=o.redirect_uri,
                token_endpoint_auth_method=self._auth_method(), code_challenge_method="S256",
            ) as session:  # fmt: skip
                session.trust_env = False
                session.max_redirects = 0
                session.headers["Accept-Encoding"] = "identity"
                session.verify = verify_by(o.ca_file)
                session.mount("https://", adapter)
                session.mount("http://", adapter)
                yield session
            if asks:
                self._silent_s = None
        except (requests.ConnectionError, requests.Timeout) as error:
            self._silent_s = self._clock()
            raise OidcError(Reason.UNREACHABLE, type(error).__name__) from None
        except requests.RequestException as error:
            raise OidcError(Reason.UNREACHABLE, type(error).__name__) from None
        except AuthlibBaseError as error:
            raise OidcError(Reason.DENIED, str(error.error or error)) from None
        except (JoseError, ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            raise OidcError(Reason.TOKEN, f"{type(error).__name__}: {error}") from None
        finally:
            adapter.close()
            if asks:
                self._few.release()

    def _auth_method(self) -> str:
        if not self.options.client_secret:
            return "none"
        known = self._known
        offered = known.metadata.get("token_endpoint_auth_methods_supported") if known else None
        only_post = isinstance(offered, list) and "client_secret_basic" not in offered
        return "client_secret_post" if only_post else "client_secret_basic"

    def _metadata(self, session: OAuth2Session) -> Mapping[str, Any]:
        return self._fetched(session, METADATA_S).metadata

    def _fetched(self, session: OAuth2Session, age_s: float) -> _Known:
        """What the provider says of itself, not older than that. One asks; the others wait as long as that may take."""
        if known := self._fresh(age_s):
            return known
        if not self._lock.acquire(timeout=ANSWER_S):
            raise OidcError(Reason.BUSY)
        try:
            if known := self._fresh(age_s):
                return known
            now_s = self._clock()
            if self._silent_s is not None and 0 <= now_s - self._silent_s < SILENT_S:
                raise OidcError(Reason.UNREACHABLE, "it gave no answer a moment ago")
            metadata = _object(session, self.options.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if metadata.get("issuer") != self.options.issuer:
                raise OidcError(Reason.ISSUER, f"the provider calls itself {metadata.get('issuer')}")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if fault := fault_of_endpoint(str(metadata.get(name, "")), self.options.issuer):
                    raise OidcError(Reason.TOKEN, f"{name}: {fault}")
            keys = _keys(_object(session, metadata["jwks_uri"]))
            self._known = _Known(metadata, keys, now_s)
            return self._known
        except (requests.ConnectionError, requests.Timeout):
            self._silent_s = self._clock()  # before the lock is free: those who wait for it are told at once
            raise
        finally:
            self._lock.release()

    def _fresh(self, age_s: float) -> _Known | None:
        known = self._known
        return known if known is not None and 0 <= self._clock() - known.at_s < age_s else None

    def _claims(self, session: OAuth2Session, token: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        raw, o = str(token["id_token"]), self.options
        algorithm = jws.extract_compact(raw.encode()).headers().get("alg")
        if algorithm not in ALGORITHMS:
            raise OidcError(Reason.ALGORITHM, f"alg {algorithm}")
        found = self._verified(session, raw)
        claims = CodeIDToken(
            found.claims, found.header,
            {"iss": {"essential": True, "value": o.issuer}, "aud": {"essential": True, "value": o.client_id}},
            {"nonce": nonce, "client_id": o.client_id, "access_token": token.get("access_token")},
        )  # fmt: skip
        subject = str(found.claims.get("sub", ""))
        try:
            claims.validate(now=int(self._clock()), leeway=LEEWAY_S)
        except ExpiredTokenError as error:
            raise OidcError(Reason.EXPIRED, str(error), subject) from None
        except ClaimError as error:
            raise OidcError(_CLAIMS.get(error.claim, Reason.TOKEN), str(error), subject) from None
        if not isinstance(found.claims["sub"], str) or not subject:
            raise OidcError(Reason.TOKEN, "sub is no text")
        return dict(found.claims)

    def _verified(self, session: OAuth2Session, raw: str) -> jwt.Token:
        registry = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        try:
            try:
                return jwt.decode(raw, self._fetched(session, METADATA_S).keys, registry=registry)
            except (InvalidKeyIdError, MissingKeyError):  # the provider has a new key
                return jwt.decode(raw, self._fetched(session, KEYS_AGAIN_S).keys, registry=registry)
        except (BadSignatureError, InvalidKeyIdError, MissingKeyError) as error:
            raise OidcError(Reason.SIGNATURE, type(error).__name__) from None


def _keys(document: dict[str, Any]) -> KeySet:
    """The public keys that sign; others of the provider's are of no use here, and may be of kinds we do not know."""
    listed = [one for one in document["keys"] if one.get("kty") in _KINDS and one.get("use", "sig") == "sig"]
    return KeySet.import_key_set({"keys": listed})


def _object(session: OAuth2Session, url: str) -> dict[str, Any]:
    answer = session.request("GET", url, withhold_token=True)
    answer.raise_for_status()
    found = json.loads(answer.content)
    if not isinstance(found, dict):
        raise OidcError(Reason.TOKEN, "an answer that is no JSON object")
    return found
