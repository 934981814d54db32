"""Tests of the demo town, and of the start."""
