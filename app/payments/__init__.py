"""How does money come in? At the desk, with a numbered receipt each; it is posted into billing's ledger."""
