"""Under which address does a browser get a file of ours? One that changes with its content, so that it may be kept for a year."""

from functools import cache
from hashlib import blake2b
from pathlib import Path

from flask import request, url_for
from markupsafe import Markup

STATIC = Path(__file__).parents[1] / "static"
#: A stylesheet names its fonts and pictures with their versions too: a page that preloads a font must ask for the same address.
KEPT = "public, max-age=31536000, immutable"
MUTE = Markup('aria-hidden="true"')


def init_app(app):
    """Give every address of a static file its version, and answer such an address with leave to keep it."""
    app.url_defaults(_add_version)
    app.after_request(_keep)
    app.jinja_env.globals["svg_icon"] = icon


@cache
def version(filename):
    """What names the content of a static file as it was when the portal started; None where there is no such file."""
    path = STATIC / filename
    return blake2b(path.read_bytes(), digest_size=4).hexdigest() if path.is_file() else None


def _add_version(endpoint, values):
    if endpoint == "static" and "filename" in values and "v" not in values:
        values["v"] = version(values["filename"])


def _keep(response):
    # An address without a version, or with that of another day, must not stay in a browser for long.
    if request.endpoint == "static" and response.status_code in (200, 304):
        asked = request.args.get("v")
        if asked is not None and asked == version(request.view_args["filename"]):
            response.headers["Cache-Control"] = KEPT
    return response


def icon(name, label="", flip=False):
    """An icon of the sprite; with a label where no text beside it says the same."""
    svg = _drawn(request.script_root, name, flip)
    return svg.replace(MUTE, Markup('role="img" aria-label="{}"').format(label)) if label else svg


@cache
def _drawn(_root, name, flip):
    # Dozens a page, and url_for() takes longer than all the rest of one: put together once a name.
    address = url_for("static", filename="icons.svg", _anchor=name)
    return Markup('<svg class="icon{}" {}><use href="{}"/></svg>').format(" icon-flip" if flip else "", MUTE, address)
