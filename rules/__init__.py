"""What must hold: invariants and properties, read from the running code as terms, proved and judged."""
