"""Clients that are not ours, as readers' pages use them: packages of npm, and what a browser has itself."""
