"""What the process offers to exports and imports: threads, temporary space, upkeep, memory."""
