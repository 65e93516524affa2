"""`make figures`: what the README and SECURITY.md promise under load, faults and malice, measured on the real server."""
