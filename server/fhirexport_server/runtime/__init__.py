"""What the process itself offers to exports and imports: threads, temporary space, upkeep, memory."""
