"""Learning: the optimizer, what is scored, and the network measured again on its way."""
