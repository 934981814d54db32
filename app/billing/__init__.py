"""What do families owe? Tariffs, priced lines with their reasons, invoices that never change, the ledger, the statement."""
