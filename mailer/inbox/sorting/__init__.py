"""A message taken apart → its kind, with the reason in words; the phrases are data, in
`rules.toml`.
"""
