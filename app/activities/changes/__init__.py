"""What may a family ask about activities? One module a kind of request; importing them announces the kinds."""

from app.activities.changes import absence, booking, enrolment, paper

__all__ = ["absence", "booking", "enrolment", "paper"]
