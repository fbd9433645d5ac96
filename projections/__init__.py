"""What was seen: guest-visible memory, host books, the timeline, and what differs between two moments.

Pure folds over events, rebuilt from the events alone. Read in this order: ``tracked`` (the fold of one host or VM),
``fleet`` (of all), ``view`` (the guest-visible memory view), ``books`` (who holds what of a host), ``timeline`` (the
audit trail), ``diff``.
"""
