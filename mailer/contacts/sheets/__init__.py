"""A file becomes tables of text with coordinates: XLSX, ODS, CSV."""
