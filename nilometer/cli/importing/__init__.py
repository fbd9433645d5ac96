"""Commands that bring in what others recorded: ``import``, ``import-hyperv``, ``import-qemu``, ``collector``.

May import ``nilometer.cli`` and everything below it. Begin with ``import_hyperv``.
"""
