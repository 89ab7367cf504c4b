"""What a caller may do: rights, the policy that grants them, and decisions, before anything is looked up."""
