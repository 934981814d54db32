"""Households: who they are, what they earn, how they pay."""
