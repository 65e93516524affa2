"""The shapes of bodies and answers, as `/openapi.json` says them."""
