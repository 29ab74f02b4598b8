"""What comes back: answers, returns and automatic messages, sorted and threaded to the person.

`mail` takes raw bytes apart, `sorting` names the kind of a message with its reason, and `thread`
finds the letter that it answers or reports. None of them touches the network or the send log, so a
crash loses nothing here.
"""
