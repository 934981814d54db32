"""The families' screens: they read what the table allows, and ask."""


def register(appbuilder):
    """Add the families' views."""
    from app.portal import kinds
    from app.portal.account import AccountView
    from app.portal.children import ChildrenView
    from app.portal.home import HomeView
    from app.portal.requests import RequestsView

    for view in (HomeView, AccountView, ChildrenView, RequestsView):
        appbuilder.add_view_no_menu(view)
    kinds.register(appbuilder)
