"""What is asked: from yaml to a checked study, and to single models with their seeds."""
