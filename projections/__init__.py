"""What was seen: guest-visible memory, host books, the timeline, and what differs between two moments.

Pure folds over events, rebuilt from the events alone. Read in this order: ``fleet`` (the fold), ``view`` (the
guest-visible memory view), ``books`` (who holds what of a host), ``timeline`` (the audit trail), ``diff``.
"""
