"""Observations from real hypervisors: foreign files, read record by record, as events of observed hosts and VMs."""
