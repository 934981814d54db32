"""The validation model: a family's save is a request, a clerk's decision makes it a fact."""
