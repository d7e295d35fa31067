"""Waterhorse."""
