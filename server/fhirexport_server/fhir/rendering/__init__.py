"""Renders rows as resources: one module for each dataset, and what they share."""
