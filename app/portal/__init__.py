"""The families' screens: they read what the table allows, and ask."""


def register(appbuilder):
    """Add the families' views, and what stands around them."""
    from flask import current_app

    from app.portal import bar, kinds, preregistration_end, prices
    from app.portal.absence import AbsenceView
    from app.portal.account import AccountView
    from app.portal.agenda import AgendaView
    from app.portal.bill_papers import BillPapersView
    from app.portal.children import ChildrenView
    from app.portal.enrolments import EnrolmentsView
    from app.portal.estimate import EstimateView
    from app.portal.feed import CalendarView, FeedView
    from app.portal.files import FilesView
    from app.portal.home import HomeView
    from app.portal.inbox import InboxView
    from app.portal.papers import PapersView
    from app.portal.pay import DemoBankView, NotifyView, PayView
    from app.portal.requests import RequestsView
    from app.portal.sheet import SheetView
    from app.portal.statement import StatementView
    from app.security import resume

    for view in (HomeView, AccountView, ChildrenView, RequestsView, SheetView, FilesView, InboxView, StatementView, BillPapersView):
        appbuilder.add_view_no_menu(view)
    for view in (AgendaView, AbsenceView, FeedView, CalendarView, EnrolmentsView, PapersView, EstimateView):
        appbuilder.add_view_no_menu(view)
    for view in (PayView, NotifyView, DemoBankView):
        appbuilder.add_view_no_menu(view)
    preregistration_end.register(appbuilder)
    kinds.register(appbuilder)
    bar.init_app(current_app._get_current_object())
    prices.init_app(current_app._get_current_object())
    resume.init_app(current_app._get_current_object())
