"""What the figures are measured with: servers with a watch on their loop, readers on raw sockets, the table."""
