"""What others wrote reads what Nilometer exports."""
