"""What every room knows: errors, states, addresses, spellings, the Assembly's delegations, and the
settings.
"""
