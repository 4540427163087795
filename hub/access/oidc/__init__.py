"""Signing in at the office's own provider (OpenID Connect), where `[oidc]` names one. Unused without it."""
