"""What must every Flask-AppBuilder view of ours cure? Filters shared by threads, and addresses that crash it."""

import copy

from flask import abort, g, has_request_context, request
from flask_appbuilder import ModelView
from werkzeug.routing import IntegerConverter


class SafeModelView(ModelView):
    """ModelView with filters of its own per request, checked page and order arguments, and no menu of its own.

    Flask-AppBuilder keeps a request's filters on the view, which all threads share: rows were seen to reach the wrong parent. It also
    answers 500 to `?page_X=abc` and to an unknown order column.
    """

    @property
    def _filters(self):
        model = self.__dict__.get("_filters_model")
        if model is None or not has_request_context():
            return model
        kept = g.setdefault("view_filters", {})
        if id(self) not in kept:
            kept[id(self)] = copy.copy(model)
            kept[id(self)].clear_filters()
        return kept[id(self)]

    @_filters.setter
    def _filters(self, filters):
        self.__dict__["_filters_model"] = filters

    def _get_list_widget(self, *args, order_column="", order_direction="", page=None, page_size=None, **kwargs):
        if order_column not in self.order_columns:
            order_column = order_direction = ""
        return super()._get_list_widget(
            *args, order_column=order_column, order_direction=order_direction, page=page, page_size=page_size, **kwargs
        )


class RowId(IntegerConverter):
    """`<int:…>` in addresses: a number that both databases can hold; a larger one is an address that leads nowhere."""

    def __init__(self, url_map, *args, max=2**31 - 1, **kwargs):
        super().__init__(url_map, *args, max=max, **kwargs)


def refuse_bad_paging():
    """404 for page arguments that are no numbers, and for NUL, which PostgreSQL refuses: a before_request for the whole application."""
    for name, value in request.args.items():
        if "\0" in value:
            abort(404)
        if name.startswith(("page_", "psize_")) and not (value.isascii() and value.isdigit() and 0 <= int(value[:9]) <= 1_000_000):
            abort(404)
