"""The staff's screens."""


def register(appbuilder):
    """Add the staff's views."""
