"""Reading Encounters: venues and movements."""
