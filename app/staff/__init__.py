"""The staff's screens."""


def register(appbuilder):
    """Add the staff's views."""
    from flask import current_app

    from app.staff import pages, screens

    for view in (*pages.VIEWS, *screens.VIEWS):
        appbuilder.add_view_no_menu(view)
    screens.init_app(current_app)
