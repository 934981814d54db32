"""What do the staff's generated screens have in common? Rights, lists, search, pages, forms, deletion, exports."""

from datetime import date, datetime
from functools import wraps

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from flask_appbuilder.urltools import get_filter_args, get_order_args, get_page_args, get_page_size_args
from flask_appbuilder.widgets import ListWidget, SearchWidget
from flask_babel import format_datetime
from markupsafe import Markup
from sqlalchemy import inspect

from app.core import search
from app.core.enums import Labelled
from app.core.errors import DomainError
from app.core.i18n import _, date_text
from app.core.views import SafeModelView
from app.security.scope import may, require
from app.staff.emptiness import nothing
from app.staff.exports import exported
from app.staff.forms import safe_back
from app.staff.interface import AuditedInterface, Moved
from app.staff.parts import Deed, enum_choice, enum_of, refuse_secrets

PERMISSIONS = {"list": "read", "show": "read", "export": "read", "add": "edit", "edit": "edit", "delete": "edit"}
SIZES = (25, 50, 100)


def screen(method):
    """A route of a staff view: Flask-AppBuilder's check, and the table's for the staff (families hold some of the same names)."""

    @wraps(method)
    def inside(self, *args, **kwargs):
        require(self.noun, self.method_permission_name[method.__name__])
        return method(self, *args, **kwargs)

    return has_access(inside)


class StaffView(SafeModelView):
    """The screens of one kind of record: a list with search and export, a page, forms with the audited interface."""

    noun = None
    model = None
    route_methods = ("list", "export", "show", "add", "edit", "delete")
    method_permission_name = PERMISSIONS
    page_size = 25
    list_template, show_template = "staff/list.html", "staff/show.html"
    add_template = edit_template = "staff/form.html"
    list_widget, search_widget = ListWidget, SearchWidget
    #: Column → label, for lists, pages and searches.
    labels = {}
    #: Relations that the list shows, loaded with it: loader options.
    loads = ()
    #: Column of the list → [SQL expressions] to sort by, where it is not the column itself.
    sorts = {}
    #: How the list is sorted at first: [SQL expressions].
    first_sort = ()
    facets = ()
    #: Words of the quick search: word → SQL condition.
    matches = None
    search_hint = ""
    editor = None
    intro = ""
    exports = True

    def __init__(self, **kwargs):
        self.datamodel = AuditedInterface(self.model)
        self.class_permission_name = self.noun.value
        self.include_route_methods = set(self.route_methods) | set(self.more_routes())
        super().__init__(**kwargs)

    @classmethod
    def more_routes(cls):
        """Names of the routes that a view adds."""
        return ()

    # -- what Flask-AppBuilder prepares at the start ----------------------------------------------------------------------------------

    def _init_properties(self):
        searched = list(self.search_columns or [])
        refuse_secrets(self.model, [*searched, *self.list_columns])
        self.label_columns = {**self.labels}
        self.search_columns = searched or [self.datamodel.get_pk_name()]
        self.add_columns, self.edit_columns = ["-"], ["-"]
        columns = inspect(self.model).columns
        plain = [name for name in self.list_columns if name in columns and not hasattr(self, f"cell_{name}")]
        super()._init_properties()
        # Flask-AppBuilder takes an empty list for "all columns".
        self.search_columns = searched
        self.order_columns = [name for name in self.list_columns if name in self.sorts or name in plain]
        self._filters = self.datamodel.get_filters(searched)

    def _init_forms(self):
        self.search_form_extra_fields = {
            name: enum_choice(self.model, name, self.labels.get(name, name)) for name in self.search_columns if enum_of(self.model, name)
        }
        self.add_form = self.edit_form = self.editor.form if self.editor is not None else type("NoForm", (), {})
        if not self.search_columns:
            self.search_form = type("NoSearch", (), {"refresh": staticmethod(lambda obj=None: {})})
        super()._init_forms()

    def update_redirect(self):
        """Flask-AppBuilder keeps the last addresses, names that were searched included, in a cookie that can be read: we keep none."""

    # -- list -----------------------------------------------------------------------------------------------------------------------

    def query(self):
        """The rows that the list begins with."""
        return self.datamodel.session.query(self.model)

    def narrowed(self):
        """The rows of the list as searched, with the address's words, facets and filters."""
        get_filter_args(self._filters)
        query = self.query()
        if self.matches is not None:
            for word in search.words(request.args.get("q")):
                query = query.filter(type(self).matches(word))
        for facet in self.facets:
            condition = facet.where(request.args.get(facet.name, facet.default))
            query = query if condition is None else query.filter(condition)
        return self._filters.get_joined_filters(self._base_filters).apply_all(query)

    def orders(self):
        """The SQL expressions by which the list is sorted, the last of them the id: pages never overlap."""
        column, direction = get_order_args().get(type(self).__name__, ("", ""))
        expressions = list(self.first_sort)
        if column in self.order_columns:
            expressions = [
                (item.desc() if direction == "desc" else item.asc()) for item in self.sorts.get(column, [getattr(self.model, column, None)])
            ]
        return [*expressions, self.datamodel.get_pk()]

    def decorate(self, rows):
        """Give rows what cells need beside their columns, in one query for all."""

    def _list(self, **kwargs):
        size = get_page_size_args().get(type(self).__name__)
        size = size if size in SIZES else self.page_size
        count, rows, page = self.datamodel.page_of(
            self.narrowed().options(*self.loads), self.orders(), get_page_args().get(type(self).__name__), size
        )
        self.decorate(rows)
        widgets = {
            "list": self.list_widget(
                label_columns={name: str(label) for name, label in self.label_columns.items()},
                include_columns=self.shown_columns(),
                value_columns=[self._cells(row) for row in rows],
                order_columns=self.order_columns,
                formatters_columns={},
                page=page,
                page_size=size,
                count=count,
                pks=[inspect(row).identity[0] for row in rows],
                actions={},
                filters=self._filters,
                modelview_name=type(self).__name__,
                nothing=nothing(self) if not count else None,
                all_url=request.path if self.searched() else "",
            )
        }
        if not self.search_columns:
            return {**widgets, "search": lambda **_more: ""}
        return self._get_search_widget(form=self.search_form.refresh(), widgets=widgets)

    def shown_columns(self):
        """The columns of the list that this person sees."""
        return self.list_columns

    def _cells(self, row):
        columns = self.shown_columns()
        cells = {name: self.cell(row, name) for name in columns}
        url = self.row_url(row)
        if url:
            cells[columns[0]] = Markup('<a href="{}">{}</a>').format(url, self.words(cells[columns[0]]))
        return cells

    def cell(self, row, name):
        """What a column says of a row: cell_<name>() where there is one."""
        special = getattr(self, f"cell_{name}", None)
        return special(row) if special is not None else getattr(row, name)

    @staticmethod
    def words(value):
        """A value as the text of a link."""
        if value is None or value == "":
            return "–"
        if isinstance(value, Labelled):
            return str(value.label)
        if isinstance(value, datetime):
            return format_datetime(value, "short")
        return date_text(value, "medium") if isinstance(value, date) else value

    def row_url(self, row):
        """Where the first column of the list leads."""
        name = (
            "show"
            if "show" in self.include_route_methods
            else "edit"
            if "edit" in self.include_route_methods and may(self.noun, "edit")
            else None
        )
        return url_for(f"{type(self).__name__}.{name}", pk=inspect(row).identity[0]) if name else ""

    def deeds_of_list(self):
        """What can be done from the list, beside adding."""
        return []

    @expose("/")
    @screen
    def list(self):
        widgets = self._list()
        return self.render_template(
            self.list_template, title=self.list_title, widgets=widgets, view=self, deeds=self.deeds_of_list(), facets=self._open_facets()
        )

    def _open_facets(self):
        return [(facet, request.args.get(facet.name, facet.default), facet.options()) for facet in self.facets]

    def searched(self):
        """Whether the list is narrowed by anything."""
        return any(
            value
            for name, value in request.args.items()
            if name == "q" or name.startswith("_flt_") or name in {facet.name for facet in self.facets}
        )

    # -- export ---------------------------------------------------------------------------------------------------------------------

    @expose("/export.<any(csv, xlsx):kind>")
    @screen
    def export(self, kind):
        return self.as_file(kind)

    def as_file(self, kind):
        """The list as searched, as a file."""
        rows = self.narrowed().options(*self.loads).order_by(*self.orders()).all()
        self.decorate(rows)
        columns = self.shown_columns()
        labels = [str(self.label_columns.get(name, name)) for name in columns]
        return exported(kind, self.file_title(), labels, [[self.cell(row, name) for name in columns] for row in rows], noun=self.noun)

    def file_title(self):
        """What the file of the list is called."""
        return self.list_title

    # -- page -----------------------------------------------------------------------------------------------------------------------

    def row(self, pk):
        """The record of an address, or 404."""
        return self.datamodel.get(pk, self._base_filters) or abort(404)

    def deeds(self, row):
        """What can be done with a record, from its page."""
        if "delete" in self.include_route_methods and may(self.noun, "edit"):
            return [Deed(_("Delete"), url_for(f"{type(self).__name__}.delete", pk=row.id), "trash", "danger")]
        return []

    def back_url(self, row=None):
        """The page above this one."""
        return url_for(f"{type(self).__name__}.list") if "list" in self.include_route_methods else "/"

    def back_label(self, row=None):
        return self.list_title

    @expose("/<int(max=2147483647):pk>/")
    @screen
    def show(self, pk):
        row = self.row(pk)
        self.read_by_somebody(row)
        pairs = [(self.label_columns.get(name, name), self.cell(row, name)) for name in self.show_columns]
        may_edit = "edit" in self.include_route_methods and may(self.noun, "edit") and self.editable(row)
        return self.render_template(
            self.show_template,
            title=str(self.name_of(row)),
            row=row,
            pairs=pairs,
            deeds=self.deeds(row),
            view=self,
            back_url=self.back_url(row),
            back_label=self.back_label(row),
            edit_url=url_for(f"{type(self).__name__}.edit", pk=pk) if may_edit else "",
        )

    def read_by_somebody(self, row):
        """Called when somebody opens a record: note it where the law wants it."""

    def editable(self, row):
        return True

    def name_of(self, row):
        """What a record is called in titles and questions."""
        return row

    # -- forms ----------------------------------------------------------------------------------------------------------------------

    def form_for(self, row=None):
        """The form that changes a record, or makes one."""
        key = f"{self.editor.name}:{row.id if row is not None else ''}"
        shown = self.editor.read(row) if row is not None else {}
        data = {name: self.editor.decode(name, value) for name, value in shown.items()} if row is not None else self.beginning()
        return self.editor.form(key=key, shown=shown, data=data)

    def beginning(self):
        """What a new record's form begins with."""
        return {}

    @expose("/ajouter", methods=["GET", "POST"])
    @screen
    def add(self):
        form = self.form_for()
        if form.validate_on_submit() and (row_id := self._try(form, lambda: self.datamodel.add(self.editor, form))):
            flash(_("Added."), "success")
            return redirect(self.after_add(row_id, form))
        return self._show_form(form, self.add_title, self.back_url())

    @expose("/<int(max=2147483647):pk>/modifier", methods=["GET", "POST"])
    @screen
    def edit(self, pk):
        row = self.row(pk)
        self.read_by_somebody(row)
        form, back, title = self.form_for(row), self.after_edit(row), _("Change: %(name)s", name=self.name_of(row))
        if form.validate_on_submit() and (changed := self._try(form, lambda: self.datamodel.edit(pk, self.editor, form))) is not None:
            flash(_("Saved.") if changed else _("Nothing was changed."), "success" if changed else "info")
            return redirect(self.after_change(pk) or safe_back(form.back.data) or back)
        return self._show_form(form, title, back)

    def after_add(self, row_id, form):
        """Where adding leads."""
        return self.after_change(row_id) or safe_back(form.back.data) or self.back_url()

    def after_change(self, row_id):
        """Where a change leads before anything else, because something must be done now; "" mostly."""
        return ""

    def after_edit(self, row):
        """Where changing leads when it was not opened from a page of ours."""
        return url_for(f"{type(self).__name__}.show", pk=row.id) if "show" in self.include_route_methods else self.back_url(row)

    def _try(self, form, write):
        """What write() returns; None where a rule said no: its sentence is in the form, and what was typed stays."""
        try:
            return write()
        except Moved as moved:
            form.show_again(moved.current)
            form.refuse(moved)
        except DomainError as refusal:
            form.refuse(refusal)
        return None

    def _show_form(self, form, title, back):
        status = 422 if request.method == "POST" else 200
        return self.render_template(
            self.edit_template, title=title, form=form, back_url=safe_back(form.back.data) or back, intro=self.form_intro
        ), status

    form_intro = ""

    @expose("/<int(max=2147483647):pk>/supprimer", methods=["GET", "POST"])
    @screen
    def delete(self, pk):
        row = self.row(pk)
        back = self.after_edit(row)
        if request.method == "GET":
            return self.render_template("staff/confirm.html", title=_("Delete “%(name)s”?", name=self.name_of(row)), back_url=back)
        try:
            self.datamodel.delete(pk, self.editor)
        except DomainError as refusal:
            flash(str(refusal), "danger")
            return redirect(back)
        flash(_("Deleted."), "success")
        return redirect(self.back_url())
