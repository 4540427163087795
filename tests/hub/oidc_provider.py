"""A provider that can lie: it keeps to OpenID Connect and PKCE, but for the one fault it is told to have."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "diemcau", "a secret: with / odd & signs"
Claims = dict[str, Any]


def _with(**more: Any) -> Callable[[Claims], Claims]:
    return lambda claims: claims | more


FAULTS: dict[str, Callable[[Claims], Claims]] = {
    "issuer": _with(iss="https://elsewhere.example"),
    "audience": _with(aud="another-application"),
    "for two, ours the second": _with(aud=[CLIENT, "another-application"], azp="another-application"),
    "nonce": _with(nonce="of-yesterday"),
    "no nonce": lambda claims: {name: value for name, value in claims.items() if name != "nonce"},
    "expired": lambda claims: claims | {"exp": claims["exp"] - 7200, "iat": claims["iat"] - 7200},
    "no subject": lambda claims: {name: value for name, value in claims.items() if name != "sub"},
    "subject is no text": _with(sub=7),
    "made tomorrow": lambda claims: claims | {"iat": claims["iat"] + 86_400, "nbf": claims["iat"] + 86_400},
}
SIGNED = ("none", "HS256", "other key", "unknown key", "no token", "garbage")


class Provider:
    """On loopback. `person` are the claims of whoever signs in next."""

    def __init__(self) -> None:
        self.person: Claims = {"sub": "u-1", "preferred_username": "thu.ha"}
        self.fault = ""
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self._other = RSAKey.generate_key(2048, {"kid": "one"})
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path.partition("?")[0])
                outer.get(self)

            def do_POST(self) -> None:
                outer.asked.append(self.path)
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.token(self, {name: values[0] for name, values in parse_qs(form).items()})

            def log_message(self, *_args: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.calls_itself = self.issuer
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        """End it; its port is free."""
        self._server.shutdown()
        self._server.server_close()

    def new_key(self) -> None:
        """As providers do every few weeks."""
        self.key = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})

    def get(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        match parts.path:
            case "/.well-known/openid-configuration":
                _json(request, {
                    "issuer": self.calls_itself, "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
                })  # fmt: skip
            case "/keys":
                odd = {"kty": "XYZ", "kid": "of a kind to come"}
                _json(request, {"keys": [odd, self.key.as_dict(private=False)]})
            case "/authorize":
                self._authorize(request, {name: values[0] for name, values in parse_qs(parts.query).items()})
            case _:
                request.send_error(404)

    def _authorize(self, request: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        good = (query["client_id"], query["response_type"], query["code_challenge_method"]) == (CLIENT, "code", "S256")
        assert good, query
        code = secrets.token_urlsafe(8)
        self._codes[code] = query
        request.send_response(303)
        request.send_header("Location", f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}")
        request.end_headers()

    def token(self, request: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        begun = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if (
            begun is None
            or proof != begun["code_challenge"]
            or form.get("redirect_uri") != begun["redirect_uri"]
            or request.headers.get("Authorization") != f"Basic {basic}"
        ):
            _json(request, {"error": "invalid_grant"}, 400)
            return
        now_s = int(time.time())
        claims = self.person | {
            "iss": self.issuer, "aud": CLIENT, "nonce": begun["nonce"], "iat": now_s, "exp": now_s + 300,
        }  # fmt: skip
        answer = {"access_token": secrets.token_urlsafe(8), "token_type": "Bearer", "expires_in": 300}
        if self.fault != "no token":
            answer["id_token"] = self._signed(FAULTS[self.fault](claims) if self.fault in FAULTS else claims)
        _json(request, answer)

    def _signed(self, claims: Claims) -> str:
        match self.fault:
            case "none":
                return f"{_part({'alg': 'none'})}.{_part(claims)}."
            case "HS256":  # with what is public: a library that takes it believes anybody
                return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET), algorithms=["HS256"])
            case "garbage":
                return "no.token.at all"
            case "other key":
                return jwt.encode({"alg": "RS256", "kid": "one"}, claims, self._other)
            case "unknown key":
                return jwt.encode({"alg": "RS256", "kid": "nobody's"}, claims, self._other)
        return jwt.encode({"alg": "RS256", "kid": self.key.kid or ""}, claims, self.key)


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _json(request: BaseHTTPRequestHandler, value: dict[str, Any], status: int = 200) -> None:
    body = json.dumps(value).encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
