"""What happened: quantities, guests, commands, events, and the Host and VM aggregates that decide and evolve.

Read in this order: ``quantities``, ``guests``, ``settings``, ``state`` (what a host and a VM are), ``decision``,
``resizing``, ``lifecycle``, ``hosts`` (what is decided), ``evolve`` (what an event changes), ``commands``, ``events``,
``aggregates``, ``decider``. Functions marked ``@rule`` are the rules: they decide commands, replay histories, and are
what is proved.
"""
