"""Commands that show that nothing was changed: key, seal, verify.

May import what the command line may. Begin with ``seal``.
"""
