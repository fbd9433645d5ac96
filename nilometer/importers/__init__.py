"""Observations from real hypervisors: foreign files, read record by record, as events of observed hosts and VMs.

May import ``nilometer.ledger`` and what lies below. Begin with ``run``, then ``settlement``; ``importing`` offers each
importer to the commands and to Python; ``reporting`` records what people report.
"""
