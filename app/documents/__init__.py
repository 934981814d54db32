"""Files that people send, and papers that we print."""
