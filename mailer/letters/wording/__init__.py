"""Words that letters put in by themselves: forms of address, dates, names of
delegations, footers.
"""
