"""What must hold: the invariants and properties of memory changes, read from the running code, proved and judged."""
