"""Nilometer: an event-sourced ledger of Hyper-V memory changes."""
