"""The page itself, which holds no data, and the policy that it is served with."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from importlib.resources import files

_SCRIPTS = ("planes.js", "rectangles.js", "viewer.js", "review.js")
_VIEWER = "niivue.umd.js"


def review_page() -> tuple[str, str]:
    """HTML and Content-Security-Policy; only the scripts that belong to it run."""
    style = _template("review.css")
    scripts = [_template(name) for name in _SCRIPTS]
    viewer = viewer_script()
    allowed = [_hash_source(script) for script in scripts]
    if viewer:
        allowed.append(_hash_source(viewer))

    html = _template("review.html").replace("/*STYLE*/", style)
    elements = "\n".join(f"<script>{script}</script>" for script in scripts)
    html = html.replace("<!--SCRIPTS-->", elements)
    html = html.replace("<!--VIEWER-->", "yes" if viewer else "no")
    sources = " ".join(f"'{source}'" for source in allowed)
    rules = (
        "default-src 'none'",
        "img-src data:",
        f"style-src '{_hash_source(style)}'",
        f"script-src {sources}",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return html, "; ".join(rules)


@lru_cache(maxsize=1)
def viewer_script() -> str:
    """niivue, where the package was built with it; else nothing, and the page shows pictures."""
    path = files("deidflow.review").joinpath("web", _VIEWER)
    return path.read_text("utf-8") if path.is_file() else ""


def _template(name: str) -> str:
    return files("deidflow.review").joinpath("templates", name).read_text("utf-8")


@lru_cache(maxsize=8)
def _hash_source(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
