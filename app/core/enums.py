"""How is a closed list of values named and labelled?"""

from enum import StrEnum


class Labelled(StrEnum):
    """A lowercase StrEnum whose members carry the text that people read: `alone = "alone", _l("on its own")`."""

    def __new__(cls, value, label):
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member

    def __str__(self):
        return str(self.label)

    @classmethod
    def choices(cls):
        """(value, label) pairs for a select field."""
        return [(member.value, member.label) for member in cls]
