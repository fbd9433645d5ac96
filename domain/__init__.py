"""What happens: quantities, guests, commands, events, and the rules that decide and change hosts and VMs. Pure.

Imports nothing of the other packages. Begin with ``state`` (what a host and a VM are), then ``resizing``, ``lifecycle``
and ``hosts`` (what is decided), ``evolve`` and ``changes`` (what an event changes), ``recording`` (what a command
records) and ``deciding.decider``. Functions marked ``@rule`` decide commands and replay histories; what must hold of
them stands in ``rules``, and is proved there.
"""
