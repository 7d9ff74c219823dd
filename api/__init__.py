"""The HTTP face: public intake, records, loads, flows."""
