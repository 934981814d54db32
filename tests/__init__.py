"""The suite. `make test` runs it on both databases."""
