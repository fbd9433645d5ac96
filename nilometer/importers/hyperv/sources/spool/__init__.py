"""The spool that the collector writes: its lines, its folder, and the changes that stand in it as two files each.

May import what ``nilometer.importers.hyperv.sources`` may, and what lies there but ``registry``.
Begin with ``spool_lines``.
"""
