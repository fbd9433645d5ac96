"""What a command on a VM records, on the streams of the VM and of its host: one rule a command. Pure.

May import what ``domain.recording`` may. Begin with ``records`` (what is recorded), then ``outcomes`` (what all
commands share), ``lifecycle`` and ``memory``.
"""
