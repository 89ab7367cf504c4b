"""Who a caller is: from its certificate, its bearer JWT or its static token. Nothing here grants a right."""
