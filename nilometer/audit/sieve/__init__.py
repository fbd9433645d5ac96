"""The sieve: says of groups of hosts and VMs that they are surely clean; the judge judges all others.

For each event it writes, as columns, the event that the rules would have recorded in the state that the event before
it left, and compares that with what is stored, byte for byte. Needs ``nilometer[sieve]``. May import what the audit
may, and all other folders of the audit. Begin with ``columns`` (the terms of ``audit.expected`` as columns), then
``forms`` (what is stored beside what is expected), ``continuity`` (what holds between events), then ``sieve``.
"""
