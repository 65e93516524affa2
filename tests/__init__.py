"""Tests: real parts where a user would meet them, fakes at the transport seam where the real thing is out of reach."""
