"""Tests of activities: the calendar, places, bookings, papers, attendance, the kitchen."""
