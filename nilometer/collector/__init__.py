"""The collector: a PowerShell module for Hyper-V hosts, as it ships, and what reads it to write it somewhere.

May import nothing of Nilometer but ``domain.errors``. Begin with ``Nilometer.psm1``: its public functions say what it
does; ``module`` reads it.
"""
