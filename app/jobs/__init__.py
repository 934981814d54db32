"""What happens by itself: small idempotent functions that the worker calls."""
