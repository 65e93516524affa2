"""Addresses checked against the site as it was built or published."""
