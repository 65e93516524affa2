"""An index moved as it is: to a server and back, to a file and back, with nothing read or embedded again."""
