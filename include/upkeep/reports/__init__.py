"""What a person reads of a run: the report, in Markdown and as a page that stands alone."""
