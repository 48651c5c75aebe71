"""The headers of our pages: a page of ours loads nothing from anywhere and runs no script."""

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'self'; form-action {forms}; base-uri 'none'"
)

HEADERS = {
    "Content-Security-Policy": _POLICY.format(forms="'none'"),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

HEADERS_WITH_FORMS = {**HEADERS, "Content-Security-Policy": _POLICY.format(forms="'self'")}
"""Of a page whose forms are sent to us."""
