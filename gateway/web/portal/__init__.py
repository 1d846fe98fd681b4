"""The pages of the buyer portal: one invoice behind a signed link, without an account."""

from __future__ import annotations

from gateway.web.portal.pages import router

__all__ = ["router"]
