"""What MDX, directives and MkDocs' extensions add to Markdown, taken out or rewritten line by line before it is parsed."""
