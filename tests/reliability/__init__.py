"""The delivery under kills, races, torn files and lying servers. The server's own record is the
truth.
"""
