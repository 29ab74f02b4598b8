"""Takes people out of files: whether a file names somebody, and a sheet without their rows."""
