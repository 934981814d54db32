"""What can go wrong in a way that a person must read about?"""


class DomainError(Exception):
    """A rule says no. Its text is the sentence that the person reads, already translated."""

    status = 422

    def __init__(self, sentence):
        super().__init__(str(sentence))
        self.sentence = sentence

    def __str__(self):
        return str(self.sentence)


class Stale(DomainError):
    """What the person acted on has changed since it was shown."""

    status = 409


class Forbidden(DomainError):
    """The person may not do this."""

    status = 403


class NotFound(DomainError):
    """There is no such row, or it is another family's: the answer is the same."""

    status = 404


class WriteRefused(RuntimeError):
    """The last net: code tried to write a table that this request may not write. A programming error."""
