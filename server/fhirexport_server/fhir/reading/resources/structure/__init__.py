"""Reading Organizations and Locations."""
