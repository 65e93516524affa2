"""The chat model that needs no key: it quotes the passages. Pure."""
