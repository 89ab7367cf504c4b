"""The meaning of movements (HL7 v2, patient administration): they fold into stays, and derive from them."""
