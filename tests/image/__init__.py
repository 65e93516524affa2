"""The container image without a container engine: its Dockerfile read, its steps run in a fresh root, its command watched."""
