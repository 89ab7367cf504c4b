"""Every element and every binding of the profiles, with values and the results of reading them."""
