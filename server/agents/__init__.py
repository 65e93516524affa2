"""The book for programs that read: pages as Markdown, `/llms.txt`, and the Model Context Protocol."""
