"""What the judge notices: whole histories, corrupted in one place, judged again. ``make detect``; docs/audit.md."""
