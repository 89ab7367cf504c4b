"""Reading Patients."""
