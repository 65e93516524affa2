"""Docusaurus 3: the docs plugin's pages, the MDX loader's heading ids, the configuration, the sidebar."""
