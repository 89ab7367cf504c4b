"""Reads each resource into a draft of its row, independently of the others."""
