"""Mail that leaves: written in the transaction of what it tells, sent by the worker."""
