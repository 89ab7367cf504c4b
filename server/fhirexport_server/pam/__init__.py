"""What movements mean (HL7 v2, patient administration): folded into stays, and derived from them."""
