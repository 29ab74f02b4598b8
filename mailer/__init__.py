"""pace-mailer: a personal letter to every member of the Assembly, and an outcome on record for
each.
"""

__version__ = "0.1.0"
