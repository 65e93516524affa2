"""Where pages and headings are on the published site, and in which order a reader meets them."""
