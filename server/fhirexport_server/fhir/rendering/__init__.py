"""From rows to resources: one module for each dataset, and what they have in common."""
