"""The promotion board, a bundle, and the way of one to an environment."""
