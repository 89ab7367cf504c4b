"""The layers around every call of our services. `chain.py` has their order."""
