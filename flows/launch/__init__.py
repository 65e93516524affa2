"""Starts everything on one machine: what `make up` and the container run."""
