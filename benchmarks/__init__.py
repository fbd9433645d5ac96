"""Benchmarks of Nilometer: ``python -m benchmarks``, or ``make bench``. See docs/performance.md."""
