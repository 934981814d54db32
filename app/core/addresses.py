"""Where is a page? Its address is put together once: a page names forty of them, and each takes as long as a row of the database."""

from datetime import date

from flask import Flask, has_request_context
from flask.globals import request_ctx

#: Values that are written alike in every language and at every time.
PLAIN = {str, int, bool, date}
#: Addresses that are kept: those of a town's families come and go.
KEPT = 5000


class Application(Flask):
    """Flask, whose rules do not change once it runs."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._addresses = {}

    def url_for(self, /, endpoint, **values):
        """The address of an endpoint, as Flask gives it."""
        given = {name: value for name, value in values.items() if value is not None}
        alike = has_request_context() and endpoint[:1] != "." and "_external" not in given and "_scheme" not in given
        if not alike or not PLAIN.issuperset(map(type, given.values())):
            return super().url_for(endpoint, **values)
        here = request_ctx.url_adapter
        key = here.script_name, here.default_method, endpoint, *((name, type(value), value) for name, value in given.items())
        found = self._addresses.get(key)
        if found is None:
            if len(self._addresses) >= KEPT:
                self._addresses.clear()
            found = self._addresses[key] = super().url_for(endpoint, **values)
        return found
