"""Variables of a project's pipelines, kept outside of the file: secrets among them."""
